// SPDX-License-Identifier: Apache-2.0
// Gathers a model's tensors for `WeightTables`: finds them, decides what is packed, and counts the memory.

import CKernels
import Models
import Tensors

/// Everything that has been found, before any of it is laid out.
struct WeightCollector {
  private let reader: WeightReader
  /// Keeps matrices as they lie in the file.
  private let precise: Bool
  private(set) var weights: [ck_weight] = []
  /// Where each matrix's packed form begins; nil for those that stay in the file.
  private(set) var places: [Int?] = []
  private(set) var byteCount = 0
  private(set) var vectors: [Float] = []
  /// Keeps the files mapped.
  private(set) var views: [TensorView] = []
  /// Matrices that were transposed.
  private(set) var transposed: [TransposedWeight] = []

  init(_ reader: WeightReader, precise: Bool) {
    self.reader = reader
    self.precise = precise
  }

  /// A matrix; `packs: false` leaves it in the file in any case.
  mutating func matrix(_ linear: Linear, packs: Bool = true) throws -> MatrixID {
    try add(try reader.matrix(linear), packs: packs)
  }

  /// The rows of a matrix in equal parts, each a matrix of its own.
  mutating func parts(of linear: Linear, count: Int) throws -> [MatrixID] {
    let whole = try reader.matrix(linear)
    let (rows, bias) = (whole.outputs / count, try whole.bias?.floats())
    return try (0..<count).map { part in
      var stored = try whole.rows(part * rows..<(part + 1) * rows)
      stored.bias = nil
      var matrix = try add(stored, packs: true)
      if let bias { matrix.bias = add(vector: Array(bias[part * rows..<(part + 1) * rows])) }
      return matrix
    }
  }

  /// The matrix of one expert.
  mutating func expert(_ linear: ExpertLinear, _ expert: Int, of count: Int) throws -> MatrixID {
    try add(try reader.matrix(linear, expert: expert, of: count), packs: true)
  }

  /// A vector of the checkpoint.
  mutating func vector(_ name: String, count: Int) throws -> Int {
    add(vector: try reader.vector(name, count: count).floats())
  }

  /// The weights of a convolution, [channels, kernel].
  mutating func convolution(_ net: GatedDeltaNet) throws -> Int {
    add(vector: try reader.convolution(net).floats())
  }

  /// For each head the matrix from its plain query to the compressed vectors, and the one from what it attended to to
  /// its value.
  mutating func expansions(_ latent: LatentAttention) throws -> (keys: [MatrixID], values: [MatrixID]) {
    var (keys, values): ([MatrixID], [MatrixID]) = ([], [])
    if reader.isExpanded(latent) {
      for head in 0..<latent.heads {
        keys.append(try expert(latent.keyExpansion, head, of: latent.heads))
        values.append(try expert(latent.valueExpansion, head, of: latent.heads))
      }
      return (keys, values)
    }
    let whole = try reader.matrix(latent.expansion)
    let size = latent.plainSize + latent.valueSize
    for head in 0..<latent.heads {
      let rows = try whole.rows(head * size..<head * size + latent.plainSize)
      keys.append(try addTransposed(rows))
      values.append(try add(try whole.rows(head * size + latent.plainSize..<(head + 1) * size), packs: true))
    }
    return (keys, values)
  }

  private mutating func addTransposed(_ stored: StoredMatrix) throws -> MatrixID {
    let source = try description(of: stored)
    let copy = try TransposedWeight(transposing: source, rows: 0..<stored.outputs)
    transposed.append(copy)
    var weight = ck_weight()
    (weight.rows, weight.inputs) = (source.inputs, source.rows)
    (weight.format, weight.dtype, weight.data) = (CK_PLAIN, copy.dtype, copy.base)
    places.append(nil)
    weights.append(weight)
    return MatrixID(index: weights.count - 1, outputs: stored.inputs, inputs: stored.outputs, bias: nil)
  }

  mutating func norm(_ norm: Norm?) throws -> NormID? {
    guard let norm else { return nil }
    let weight = add(vector: try reader.vector("\(norm.path).weight", count: norm.size).floats())
    var bias: Int?
    if norm.bias { bias = add(vector: try reader.vector("\(norm.path).bias", count: norm.size).floats()) }
    return NormID(
      kind: norm.kind, epsilon: norm.epsilon, weightOffset: norm.weightOffset, weight: weight, bias: bias)
  }

  private mutating func add(vector: [Float]) -> Int {
    let place = vectors.count
    vectors += vector
    vectors += Array(repeating: 0, count: vectors.count.roundedUp(to: 16) - vectors.count)
    return place
  }

  private mutating func add(_ stored: StoredMatrix, packs: Bool) throws -> MatrixID {
    var weight = try description(of: stored)
    let size = packs && !precise ? ck_packed_bytes(&weight) : 0
    places.append(size > 0 ? byteCount : nil)
    byteCount += size
    weights.append(weight)
    let bias = try stored.biasValues()
    return MatrixID(
      index: weights.count - 1, outputs: stored.outputs, inputs: stored.inputs, bias: bias.map { add(vector: $0) })
  }

  /// A matrix for the kernels; copied where none reads it as it lies.
  private mutating func description(of stored: StoredMatrix) throws -> ck_weight {
    var weight = ck_weight()
    weight.rows = Int32(stored.outputs)
    weight.inputs = Int32(stored.inputs)
    weight.data = stored.weight.unsafeBase
    views.append(stored.weight)
    switch stored.format {
    case .plain:
      weight.format = CK_PLAIN
      weight.dtype = try dtype(stored.weight, stored.path)
      if case .everyColumn(let first, let step) = stored.arrangement {
        let copy = try TransposedWeight(columnsOf: stored, first: first, step: step, dtype: weight.dtype)
        transposed.append(copy)
        weight.data = copy.base
      }
    case .affine(let bits, let group):
      guard [32, 64, 128].contains(group), let scales = stored.scales, let offsets = stored.offsets else {
        throw InferenceProblem.unsupportedWeight(name: stored.path, format: "\(stored.format)")
      }
      views += [scales, offsets]
      weight.format = CK_AFFINE
      weight.dtype = try dtype(scales, stored.path)
      weight.bits = Int32(bits)
      weight.group = Int32(group)
      weight.scales = scales.unsafeBase
      weight.biases = offsets.unsafeBase
    case .mxfp4: try small(CK_MXFP4, stored, &weight)
    case .mxfp8: try small(CK_MXFP8, stored, &weight)
    case .nvfp4: try small(CK_NVFP4, stored, &weight)
    }
    return weight
  }

  /// Numbers of 4 or 8 bits whose groups have scales of a byte.
  private mutating func small(_ format: ck_format, _ stored: StoredMatrix, _ weight: inout ck_weight) throws {
    guard let scales = stored.scales else {
      throw InferenceProblem.unsupportedWeight(name: stored.path, format: "\(stored.format)")
    }
    views.append(scales)
    weight.format = format
    weight.scales = scales.unsafeBase
    if case .everyRow(let first, let step) = stored.arrangement {
      weight.row_step = Int32(step)
      let (bits, group) = (Int(ck_small_bits(format)), Int(ck_small_group(format)))
      weight.data = weight.data.map { $0 + first * stored.inputs * bits / 8 }
      weight.scales = weight.scales.map { $0 + first * stored.inputs / group }
    }
  }

  private func dtype(_ view: TensorView, _ path: String) throws -> ck_dtype {
    switch view.dtype {
    case .f32: return CK_F32
    case .f16: return CK_F16
    case .bf16: return CK_BF16
    default: throw InferenceProblem.unsupportedWeight(name: path, format: view.dtype.rawValue)
    }
  }
}
