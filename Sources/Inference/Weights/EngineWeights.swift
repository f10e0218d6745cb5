// SPDX-License-Identifier: Apache-2.0
// A model's weights in the order the forward pass uses them. Made once, read by every step.

import CKernels
import Models

/// The weights of one layer.
struct LayerWeights {
  var mixer: MixerWeights
  var preAttention: NormID?
  var postAttention: NormID?
  var preFeedForward: NormID?
  var postFeedForward: NormID?
  var feedForward: FeedForwardWeights
}

/// The weights of a layer's first half.
enum MixerWeights {
  case attention(AttentionWeights)
  case latent(LatentWeights)
  case deltaNet(DeltaNetWeights)

  /// Matrices a token passes.
  var matrices: [MatrixID] {
    switch self {
    case .attention(let attention): attention.queryKeyValue + [attention.output]
    case .latent(let latent):
      latent.query + [latent.compression, latent.output] + latent.keys + latent.values
    case .deltaNet(let net): [net.input, net.rates, net.output]
    }
  }
}

/// Of plain attention.
struct AttentionWeights {
  var queryKeyValue: [MatrixID]
  var output: MatrixID
  var queryNorm: NormID?
  var keyNorm: NormID?
  /// Place of a vector [heads].
  var sinks: Int?
}

/// Of latent attention.
struct LatentWeights {
  /// One matrix, or two with a norm between.
  var query: [MatrixID]
  var queryNorm: NormID?
  var compression: MatrixID
  var compressionNorm: NormID?
  /// One of each head.
  var keys: [MatrixID]
  var values: [MatrixID]
  var output: MatrixID
}

/// Of a gated delta net; the numbers are places of vectors.
struct DeltaNetWeights {
  var input: MatrixID
  var rates: MatrixID
  var convolution: Int
  var decay: Int
  var timeBias: Int
  var norm: NormID?
  var output: MatrixID
}

/// The matrices of a layer's second half.
enum FeedForwardWeights {
  case dense(MLPWeights)
  case experts(ExpertsWeights)
}

/// Of a mixture of experts.
struct ExpertsWeights {
  var router: MatrixID
  /// Place of a vector [experts].
  var choiceBias: Int?
  var experts: [MLPWeights]
  var shared: MLPWeights?
  var sharedGate: MatrixID?
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
  init(_ snapshot: Snapshot, precise: Bool, cache: PackCache?, threads: Int) throws {
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
    tables = try WeightTables(collector, cache: cache, threads: threads)
  }
}

extension WeightCollector {
  mutating func layer(_ layer: LayerDescription) throws -> LayerWeights {
    LayerWeights(
      mixer: try mixer(layer.mixer), preAttention: try norm(layer.preAttentionNorm),
      postAttention: try norm(layer.postAttentionNorm), preFeedForward: try norm(layer.preFeedForwardNorm),
      postFeedForward: try norm(layer.postFeedForwardNorm), feedForward: try feedForward(layer.feedForward))
  }

  private mutating func mixer(_ mixer: TokenMixer) throws -> MixerWeights {
    switch mixer {
    case .attention(let attention):
      return .attention(
        AttentionWeights(
          queryKeyValue: try attention.queryKeyValue.map { try matrix($0) }, output: try matrix(attention.output),
          queryNorm: try norm(attention.queryNorm?.norm), keyNorm: try norm(attention.keyNorm?.norm),
          sinks: try attention.sinks.map { try vector($0, count: attention.heads) }))
    case .latent(let latent):
      var (query, queryNorm): ([MatrixID], NormID?) = ([], nil)
      switch latent.query {
      case .direct(let linear): query = [try matrix(linear)]
      case .narrow(let down, let between, let up):
        query = [try matrix(down), try matrix(up)]
        queryNorm = try norm(between)
      }
      let compression = try matrix(latent.compression)
      let expansions = try expansions(latent)
      return .latent(
        LatentWeights(
          query: query, queryNorm: queryNorm, compression: compression,
          compressionNorm: try norm(latent.compressionNorm), keys: expansions.keys, values: expansions.values,
          output: try matrix(latent.output)))
    case .deltaNet(let net):
      return .deltaNet(
        DeltaNetWeights(
          input: try matrix(net.input), rates: try matrix(net.rates), convolution: try convolution(net),
          decay: try vector(net.decay, count: net.valueHeads),
          timeBias: try vector(net.timeBias, count: net.valueHeads), norm: try norm(net.norm),
          output: try matrix(net.output)))
    }
  }

  private mutating func feedForward(_ half: FeedForward) throws -> FeedForwardWeights {
    switch half {
    case .dense(let mlp): return .dense(try self.mlp(mlp))
    case .experts(let mixture):
      let experts = try (0..<mixture.count).map { number in
        MLPWeights(
          gate: try expert(mixture.gate, number, of: mixture.count),
          up: try expert(mixture.up, number, of: mixture.count),
          down: try expert(mixture.down, number, of: mixture.count))
      }
      // The router decides on small differences: it stays in float32.
      return .experts(
        ExpertsWeights(
          router: try matrix(mixture.router, packs: false),
          choiceBias: try mixture.choiceBias.map { try vector($0, count: mixture.count) }, experts: experts,
          shared: try mixture.shared.map { try mlp($0.mlp) },
          sharedGate: try mixture.shared?.gate.map { try matrix($0, packs: false) }))
    }
  }

  private mutating func mlp(_ mlp: MLP) throws -> MLPWeights {
    // A fused matrix holds the rows of gate, then those of up.
    let fused = mlp.isGated && mlp.input.count == 1
    let input = fused ? try parts(of: mlp.input[0], count: 2) : try mlp.input.map { try matrix($0) }
    return MLPWeights(gate: mlp.isGated ? input[0] : nil, up: input[input.count - 1], down: try matrix(mlp.down))
  }
}
