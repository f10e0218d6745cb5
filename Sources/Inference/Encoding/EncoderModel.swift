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
  let positions: MatrixID?
  let types: MatrixID?
  let embeddingNorm: NormID?
  let layers: [EncoderLayer]
  let finalNorm: NormID?
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
    positions = try encoder.positions.map { try collector.matrix(rows($0, encoder.positionCount), packs: false) }
    types = try encoder.types.map { try collector.matrix(rows($0, encoder.typeCount), packs: false) }
    embeddingNorm = try encoder.embeddingNorm.flatMap { try collector.norm($0) }
    layers = try encoder.layers.map { try EncoderLayer($0, try collector.layer($0)) }
    finalNorm = try collector.norm(encoder.finalNorm)
    pooler = snapshot.hasPooler ? try encoder.pooler.map { try collector.matrix($0) } : nil
    let threads = try options.threadCount()
    tables = try WeightTables(collector, cache: nil, threads: threads)
    panels = try EncoderPanels(
      layers.flatMap(\.matrices), of: tables, isa: ck_isa_detect(),
      threads: threads)
  }

  /// Opens and checks the encoder in a folder.
  /// - Throws: `ModelProblem`, `CheckpointProblem` or `InferenceProblem`.
  public static func load(folder: String, options: LoadedModel.Options = .init()) throws -> EncoderModel {
    try EncoderModel(try EncoderSnapshot.open(folder), options)
  }
}

/// One layer with its weights.
struct EncoderLayer {
  let attention: Attention
  let activation: Activation
  let weights: AttentionWeights
  let mlp: MLPWeights
  let norms: LayerWeights

  /// - Throws: `ModelProblem` for a layer of another kind, which `EncoderArchitecture` has refused before.
  init(_ layer: LayerDescription, _ norms: LayerWeights) throws {
    guard let attention = layer.attention, case .dense(let half) = layer.feedForward,
      case .attention(let weights) = norms.mixer, case .dense(let mlp) = norms.feedForward
    else { throw ModelProblem.unsupportedFeature(name: "embeddings of such layers") }
    (self.attention, activation, self.weights, self.mlp, self.norms) = (attention, half.activation, weights, mlp, norms)
  }

  /// Matrices that a token passes.
  var matrices: [MatrixID] {
    weights.queryKeyValue + [weights.output] + [mlp.gate, mlp.up, mlp.down].compactMap { $0 }
  }
}
