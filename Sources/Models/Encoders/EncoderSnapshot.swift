// SPDX-License-Identifier: Apache-2.0
// A folder opened as an encoder: config.json, the weights, and how token states are pooled.

public import Basics
internal import Checkpoints

/// An encoder's folder whose description and weights belong together.
public struct EncoderSnapshot: Sendable {
  /// Path of the folder.
  public let folder: String
  public let architecture: EncoderArchitecture
  public let pooling: Pooling
  /// The checked tensors.
  public let weights: WeightReader
  /// Whether the weights have a pooler; many embedders leave it out.
  public let hasPooler: Bool

  /// Opens and checks a folder.
  /// - Throws: `ModelProblem`, `FileProblem`, `JSONProblem`, or `CheckpointProblem`.
  public static func open(_ folder: String) throws -> EncoderSnapshot {
    let config = try Snapshot.readConfig(folder)
    let reader = ConfigReader(config.objectValue ?? JSONObject())
    let isDecoder = !EncoderArchitecture.describes(config)
    // Refused by name before the weights are touched.
    if isDecoder {
      let decoder = try Architecture(config: config)
      _ = try EncoderArchitecture(decoder: decoder)
      guard makesEmbeddings(folder, config) else { throw ModelProblem.noEmbedder(name: decoder.modelType) }
    } else {
      _ = try EncoderArchitecture(config: config)
    }
    let quantization = try QuantizationConfig(reader)
    let checkpoint = try openCheckpoint(folder: folder)
    let prefix =
      ["", "bert.", "roberta.", "distilbert."].first { checkpoint.has("\($0)embeddings.word_embeddings.weight") } ?? ""
    let architecture =
      isDecoder
      ? try EncoderArchitecture(decoder: try Architecture(config: config, naming: TensorNaming(of: checkpoint)))
      : try EncoderArchitecture(config: config, prefix: prefix)
    let weights = WeightReader(checkpoint: checkpoint, quantization: quantization)
    try weights.check(architecture)
    let pooling = try Pooling.read(folder: folder)
    guard pooling.fits(hidden: architecture.hiddenSize) else {
      throw ModelProblem.invalidFile(path: "\(folder)/modules.json", reason: "a Dense step takes another width")
    }
    return EncoderSnapshot(
      folder: folder, architecture: architecture, pooling: pooling, weights: weights,
      hasPooler: architecture.pooler.map { checkpoint.has("\($0.path).weight") } ?? false)
  }

  /// Whether a folder holds a model that makes embeddings: an encoder, or a decoder made for that.
  public static func makesEmbeddings(_ folder: String, _ config: JSONValue) -> Bool {
    EncoderArchitecture.describes(config) || config["use_bidirectional_attention"]?.boolValue == true
      || Files.isFile("\(folder)/modules.json")
  }
}

extension WeightReader {
  /// Finds every tensor an encoder names.
  func check(_ encoder: EncoderArchitecture) throws(ModelProblem) {
    let hidden = encoder.hiddenSize
    for case (let path?, let rows) in [
      (encoder.words, encoder.vocabularySize), (encoder.positions, encoder.positionCount),
      (encoder.types, encoder.typeCount),
    ] {
      _ = try matrix(Linear(path: path, outputs: rows, inputs: hidden))
    }
    try check(encoder.embeddingNorm)
    for layer in encoder.layers { try check(layer) }
    try check(encoder.finalNorm)
  }
}
