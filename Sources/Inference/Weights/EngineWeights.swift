// SPDX-License-Identifier: Apache-2.0
// A model's weights in the order the forward pass uses them. Made once, read by every step.

import CKernels
import Models

/// The weights of one layer.
struct LayerWeights {
  var queryKeyValue: [MatrixID]
  var attentionOutput: MatrixID
  var queryNorm: NormID?
  var keyNorm: NormID?
  var preAttention: NormID?
  var postAttention: NormID?
  var preFeedForward: NormID?
  var postFeedForward: NormID?
  var feedForward: FeedForwardWeights
}

/// The matrices of a layer's second half.
enum FeedForwardWeights {
  case dense(MLPWeights)
  case experts(router: MatrixID, experts: [MLPWeights])
}

/// The matrices of one MLP; gate is nil when it is not gated.
struct MLPWeights {
  var gate: MatrixID?
  var up: MatrixID
  var down: MatrixID
}

/// All weights of a model.
final class EngineWeights: Sendable {
  let tables: WeightTables
  let embedding: MatrixID
  let layers: [LayerWeights]
  let finalNorm: NormID?
  let output: MatrixID

  /// Finds and lays out the weights; packs them unless `precise`.
  /// - Throws: `ModelProblem` for tensors that are not as described, `InferenceProblem` for formats no kernel
  ///   computes with and for lack of memory.
  init(_ snapshot: Snapshot, precise: Bool, threads: Int) throws {
    let architecture = snapshot.architecture
    var collector = WeightCollector(snapshot.weights, precise: precise)
    let rows = Linear(
      path: architecture.embedding.path, outputs: architecture.vocabularySize, inputs: architecture.hiddenSize)
    // An embedding of its own is read a row at a time, straight from the file.
    let isShared = architecture.output.isTied && !architecture.output.linear.bias
    embedding = try collector.matrix(rows, packs: isShared)
    output = isShared ? embedding : try collector.matrix(architecture.output.linear)
    finalNorm = try collector.norm(architecture.finalNorm)
    layers = try architecture.layers.map { try collector.layer($0) }
    tables = try WeightTables(collector, threads: threads)
  }
}

extension WeightCollector {
  mutating func layer(_ layer: LayerDescription) throws -> LayerWeights {
    let attention = layer.attention
    return LayerWeights(
      queryKeyValue: try attention.queryKeyValue.map { try matrix($0) },
      attentionOutput: try matrix(attention.output), queryNorm: try norm(attention.queryNorm?.norm),
      keyNorm: try norm(attention.keyNorm?.norm), preAttention: try norm(layer.preAttentionNorm),
      postAttention: try norm(layer.postAttentionNorm), preFeedForward: try norm(layer.preFeedForwardNorm),
      postFeedForward: try norm(layer.postFeedForwardNorm), feedForward: try feedForward(layer.feedForward))
  }

  private mutating func feedForward(_ half: FeedForward) throws -> FeedForwardWeights {
    switch half {
    case .dense(let mlp):
      // A fused matrix holds the rows of gate, then those of up.
      let fused = mlp.isGated && mlp.input.count == 1
      let input = fused ? try parts(of: mlp.input[0], count: 2) : try mlp.input.map { try matrix($0) }
      return .dense(
        MLPWeights(gate: mlp.isGated ? input[0] : nil, up: input[input.count - 1], down: try matrix(mlp.down)))
    case .experts(let mixture):
      let experts = try (0..<mixture.count).map { number in
        MLPWeights(
          gate: try expert(mixture.gate, number, of: mixture.count),
          up: try expert(mixture.up, number, of: mixture.count),
          down: try expert(mixture.down, number, of: mixture.count))
      }
      // The router decides on small differences: it stays in float32.
      return .experts(router: try matrix(mixture.router, packs: false), experts: experts)
    }
  }
}

extension EngineWeights {
  /// What a token reads and computes when it is decoded alone: bytes of matrices, and two operations a weight. Of a
  /// mixture only the experts that are chosen count, of an embedding of its own nothing.
  func costPerToken(_ architecture: Architecture) -> (bytes: Int, operations: Int) {
    var (bytes, operations) = (0, 0)
    func add(_ matrix: MatrixID?, share: Int = 1, of count: Int = 1) {
      guard let matrix else { return }
      bytes += tables.byteCount(matrix) * share / count
      operations += 2 * matrix.outputs * matrix.inputs * share / count
    }
    for (weights, layer) in zip(layers, architecture.layers) {
      for matrix in weights.queryKeyValue + [weights.attentionOutput] { add(matrix) }
      switch weights.feedForward {
      case .dense(let mlp):
        for matrix in [mlp.gate, mlp.up, mlp.down] { add(matrix) }
      case .experts(let router, let experts):
        add(router)
        guard case .experts(let mixture) = layer.feedForward else { continue }
        for mlp in experts {
          for matrix in [mlp.gate, mlp.up, mlp.down] { add(matrix, share: mixture.perToken, of: max(1, experts.count)) }
        }
      }
    }
    add(output)
    return (bytes, operations)
  }
}
