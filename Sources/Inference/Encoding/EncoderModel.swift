// SPDX-License-Identifier: Apache-2.0
// An encoder ready to run: its description and weights, shared by all who use it.

import CKernels
public import Models

/// An encoder opened from a folder. Immutable; an `EncoderForward` made from it does the work.
public final class EncoderModel: Sendable {
  /// The folder, its config and how token states are pooled.
  public let snapshot: EncoderSnapshot
  public let options: LoadedModel.Options
  let tables: WeightTables
  let panels: EncoderPanels
  let words: MatrixID
  let positions: MatrixID
  let types: MatrixID?
  let embeddingNorm: NormID?
  let layers: [EncoderLayerWeights]
  let pooler: MatrixID?

  /// What the model is.
  public var architecture: EncoderArchitecture { snapshot.architecture }

  /// Tokens of the longest text it takes, the special ones counted.
  public var longestText: Int { min(snapshot.pooling.longest ?? .max, architecture.contextLength) }

  private init(_ snapshot: EncoderSnapshot, _ options: LoadedModel.Options) throws {
    self.snapshot = snapshot
    self.options = options
    let encoder = snapshot.architecture
    var collector = WeightCollector(snapshot.weights, precise: options.precise)
    func rows(_ path: String, _ count: Int) -> Linear {
      Linear(path: path, outputs: count, inputs: encoder.hiddenSize)
    }
    words = try collector.matrix(rows(encoder.words, encoder.vocabularySize), packs: false)
    positions = try collector.matrix(rows(encoder.positions, encoder.positionCount), packs: false)
    types = try encoder.types.map { try collector.matrix(rows($0, encoder.typeCount), packs: false) }
    embeddingNorm = try collector.norm(encoder.embeddingNorm)
    layers = try encoder.layers.map { layer in
      EncoderLayerWeights(
        queryKeyValue: try [layer.query, layer.key, layer.value].map { try collector.matrix($0) },
        attentionOutput: try collector.matrix(layer.attentionOutput),
        attentionNorm: try collector.norm(layer.attentionNorm), up: try collector.matrix(layer.up),
        down: try collector.matrix(layer.down), outputNorm: try collector.norm(layer.outputNorm))
    }
    pooler = snapshot.hasPooler ? try collector.matrix(encoder.pooler) : nil
    let threads = try options.threadCount()
    tables = try WeightTables(collector, cache: nil, threads: threads)
    panels = try EncoderPanels(
      layers.flatMap { $0.queryKeyValue + [$0.attentionOutput, $0.up, $0.down] }, of: tables, isa: ck_isa_detect(),
      threads: threads)
  }

  /// Opens and checks the encoder in a folder.
  /// - Throws: `ModelProblem`, `CheckpointProblem` or `InferenceProblem`.
  public static func load(folder: String, options: LoadedModel.Options = .init()) throws -> EncoderModel {
    try EncoderModel(try EncoderSnapshot.open(folder), options)
  }
}

/// The weights of one layer.
struct EncoderLayerWeights {
  var queryKeyValue: [MatrixID]
  var attentionOutput: MatrixID
  var attentionNorm: NormID?
  var up: MatrixID
  var down: MatrixID
  var outputNorm: NormID?
}
