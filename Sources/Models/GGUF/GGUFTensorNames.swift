// SPDX-License-Identifier: Apache-2.0
// From the tensors of a GGUF file to those of a Hugging Face checkpoint: names, order of rows, values.

public import Checkpoints
internal import Tensors

/// A tensor of the result and what has to be done to make it.
public struct GGUFTensorSource: Sendable {
  /// Its name in the Hugging Face checkpoint.
  public let name: String
  /// Where the values are.
  public let source: GGUFFile.Tensor
  /// Number of rotated heads whose rows are interleaved in the source; nil where they are not.
  public let interleavedHeads: Int?
  /// Added to every value: -1 for the norms of Gemma.
  public let offset: Float

  /// Row of the source that holds row `row` of the result.
  ///
  /// The converter views a head's rows as [2, half] and writes them as [half, 2]: row p · half + j of
  /// the original became 2 j + p.
  public func sourceRow(_ row: Int) -> Int {
    guard let heads = interleavedHeads else { return row }
    let rows = source.shape.rank == 1 ? source.shape.elementCount : source.shape.rowCount
    let size = rows / heads
    let half = size / 2
    let (head, within) = (row / size, row % size)
    return head * size + 2 * (within % half) + within / half
  }
}

extension GGUFModel {
  /// The output matrix stored a second time, coarser or finer than the embedding it is tied to.
  public struct Head: Sendable, Equatable {
    /// Whether embedding and output are one matrix in the result.
    public let isTied: Bool
    /// The tensor the embedding is taken from: the finer one of two copies.
    let embedding: String
  }

  /// Every tensor of the result, in the order of the model.
  /// - Throws: `ModelProblem.unsupportedFeature` for a tensor whose meaning is not known.
  public func tensorSources(_ head: Head) throws(ModelProblem) -> [GGUFTensorSource] {
    let layerCount = try int("block_count", in: 1...Limits.layers)
    var sources = [plain("model.embed_tokens.weight", try require(head.embedding))]
    var used: Set<String> = ["token_embd.weight", "output.weight", "output_norm.weight"]
    var byLayer: [Int: [GGUFTensorSource]] = [:]
    for tensor in file.tensors where !used.contains(tensor.name) {
      if Self.tables.contains(tensor.name) { continue }
      guard let (layer, source) = try layerSource(tensor), layer < layerCount else {
        throw .unsupportedFeature(name: "the tensor \(printable(tensor.name)) in a \(family.name) model")
      }
      byLayer[layer, default: []].append(source)
      used.insert(tensor.name)
    }
    for layer in 0..<layerCount { sources += (byLayer[layer] ?? []).sorted { $0.name < $1.name } }
    sources.append(norm("model.norm.weight", try require("output_norm.weight")))
    if !head.isTied { sources.append(plain("lm_head.weight", try require("output.weight"))) }
    return sources
  }

  /// Tables of rotary factors, which become a part of config.json.
  static let tables: Set<String> = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"]

  /// `blk.N.KEY.weight` or `.bias`, translated.
  private func layerSource(_ tensor: GGUFFile.Tensor) throws(ModelProblem) -> (Int, GGUFTensorSource)? {
    let parts = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), layer >= 0,
      parts[3] == "weight" || parts[3] == "bias", let name = family.layerNames[String(parts[2])]
    else { return nil }
    let full = "model.layers.\(layer).\(name).\(parts[3])"
    if name.hasSuffix("norm") { return (layer, norm(full, tensor)) }
    guard family.interleavesHeads, parts[2] == "attn_q" || parts[2] == "attn_k" else {
      return (layer, plain(full, tensor))
    }
    let heads = try int("attention.head_count", in: 1...Limits.heads)
    let count = parts[2] == "attn_q" ? heads : try optionalInt("attention.head_count_kv", in: 1...Limits.heads) ?? heads
    let rows = tensor.shape.rank == 1 ? tensor.shape.elementCount : tensor.shape.rowCount
    guard rows % (2 * count) == 0 else {
      throw .wrongShape(name: printable(tensor.name), expected: [2 * count], found: tensor.shape.dimensions)
    }
    return (layer, GGUFTensorSource(name: full, source: tensor, interleavedHeads: count, offset: 0))
  }

  private func plain(_ name: String, _ tensor: GGUFFile.Tensor) -> GGUFTensorSource {
    GGUFTensorSource(name: name, source: tensor, interleavedHeads: nil, offset: 0)
  }

  private func norm(_ name: String, _ tensor: GGUFFile.Tensor) -> GGUFTensorSource {
    GGUFTensorSource(name: name, source: tensor, interleavedHeads: nil, offset: family.addsOneToNorms ? -1 : 0)
  }

  /// Whether the head is tied, and where the embedding comes from.
  ///
  /// Some files of tied models hold the matrix twice, in two formats. Two roundings of one matrix differ
  /// by a few hundredths of its size, two matrices by more than their size: then the finer copy
  /// serves as both.
  public func head() throws(ModelProblem) -> Head {
    let embedding = try require("token_embd.weight")
    guard let output = file.tensor("output.weight") else {
      return Head(isTied: true, embedding: embedding.name)
    }
    guard embedding.shape == output.shape, differ(embedding, output) < 0.25 else {
      return Head(isTied: false, embedding: embedding.name)
    }
    return Head(isTied: true, embedding: output.byteCount > embedding.byteCount ? output.name : embedding.name)
  }

  /// Root of the squared difference over that of the squared values, over up to 64 rows spread evenly.
  private func differ(_ first: GGUFFile.Tensor, _ second: GGUFFile.Tensor) -> Double {
    let rows = first.shape.rowCount
    var (difference, size) = (0.0, 0.0)
    for row in stride(from: 0, to: rows, by: max(1, rows / 64)) {
      for (one, other) in zip(first.row(row), second.row(row)) {
        difference += Double((one - other) * (one - other))
        size += Double(one * one)
      }
    }
    return size == 0 ? (difference == 0 ? 0 : .infinity) : (difference / size).squareRoot()
  }
}

extension GGUFFile.Tensor {
  /// One row as float32.
  func row(_ index: Int) -> [Float] {
    let bytes = bytes.extracting(index * rowByteCount..<(index + 1) * rowByteCount)
    return [Float](capacity: shape.rowLength) { output in
      output.append(repeating: 0, count: shape.rowLength)
      var span = output.mutableSpan
      type.dequantize(bytes, into: &span)
    }
  }
}
