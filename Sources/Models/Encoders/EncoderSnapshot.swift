// SPDX-License-Identifier: Apache-2.0
// A folder opened as an encoder: config.json, the weights, and how token states are pooled.

internal import Basics
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
    // Refused by name before the weights are touched.
    _ = try EncoderArchitecture(config: config)
    let quantization = try QuantizationConfig(reader)
    let checkpoint = try openCheckpoint(folder: folder)
    let prefix =
      ["", "bert.", "roberta.", "distilbert."].first { checkpoint.has("\($0)embeddings.word_embeddings.weight") } ?? ""
    let architecture = try EncoderArchitecture(config: config, prefix: prefix)
    let weights = WeightReader(checkpoint: checkpoint, quantization: quantization)
    try weights.check(architecture)
    let pooling = try Pooling.read(folder: folder)
    guard pooling.fits(hidden: architecture.hiddenSize) else {
      throw ModelProblem.invalidFile(path: "\(folder)/modules.json", reason: "a Dense step takes another width")
    }
    return EncoderSnapshot(
      folder: folder, architecture: architecture, pooling: pooling, weights: weights,
      hasPooler: checkpoint.has("\(architecture.pooler.path).weight"))
  }
}

extension WeightReader {
  /// Finds every tensor an encoder names.
  func check(_ encoder: EncoderArchitecture) throws(ModelProblem) {
    let hidden = encoder.hiddenSize
    let types = encoder.types.map { [($0, encoder.typeCount)] } ?? []
    for (path, rows) in [(encoder.words, encoder.vocabularySize), (encoder.positions, encoder.positionCount)] + types {
      _ = try matrix(Linear(path: path, outputs: rows, inputs: hidden))
    }
    try check(encoder.embeddingNorm)
    for layer in encoder.layers {
      for linear in [layer.query, layer.key, layer.value, layer.attentionOutput, layer.up, layer.down] {
        _ = try matrix(linear)
      }
      try check(layer.attentionNorm)
      try check(layer.outputNorm)
    }
  }
}
