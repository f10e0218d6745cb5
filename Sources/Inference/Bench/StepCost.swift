// SPDX-License-Identifier: Apache-2.0
// What a step reads and computes at least: the bytes and operations that a measured time is divided by.

internal import CKernels
internal import Models

/// Bytes and operations of a model's steps.
struct StepCost {
  /// Of all matrices, as the kernels read them.
  private(set) var weightBytes = 0
  /// Read by every step, however many tokens it has.
  private var sharedBytes = 0
  /// Of the experts of each mixture, and how many of how many a token uses.
  private var mixtures: [(bytes: Int, chosen: Int, count: Int)] = []
  /// Of a token's products, without the output matrix: two a weight.
  private var layerOperations = 0
  private let outputOperations: Int
  private let layers: [LayerDescription]
  /// Of each layer's keys and values of one position.
  private let positionBytes: [Double]

  init(_ model: LoadedModel) {
    let (weights, tables) = (model.weights, model.weights.tables)
    layers = model.architecture.layers
    let options = model.options
    positionBytes = CacheLayout(model.architecture, bits: options.kvBits, precise: options.precise).tokenBytes
    outputOperations = 2 * weights.output.outputs * weights.output.inputs
    for (weights, layer) in zip(weights.layers, layers) {
      add(weights.mixer.matrices, tables)
      switch weights.feedForward {
      case .dense(let mlp): add([mlp.gate, mlp.up, mlp.down].compactMap(\.self), tables)
      case .experts(let mixed):
        let shared = [mixed.shared?.gate, mixed.shared?.up, mixed.shared?.down]
        add(([mixed.router, mixed.sharedGate] + shared).compactMap(\.self), tables)
        guard case .experts(let mixture) = layer.feedForward else { continue }
        let matrices = mixed.experts.flatMap { [$0.gate, $0.up, $0.down].compactMap(\.self) }
        let bytes = matrices.reduce(0) { $0 + tables.byteCount($1) }
        let operations = matrices.reduce(0) { $0 + 2 * $1.outputs * $1.inputs }
        weightBytes += bytes
        mixtures.append((bytes, mixture.perToken, max(1, mixture.count)))
        layerOperations += operations * mixture.perToken / max(1, mixture.count)
      }
    }
    // An embedding of its own is stored, but a step reads only its tokens' rows.
    if weights.embedding != weights.output { weightBytes += tables.byteCount(weights.embedding) }
    let output = tables.byteCount(weights.output)
    weightBytes += output
    sharedBytes += output
  }

  private mutating func add(_ matrices: [MatrixID], _ tables: WeightTables) {
    for matrix in matrices {
      weightBytes += tables.byteCount(matrix)
      sharedBytes += tables.byteCount(matrix)
      layerOperations += 2 * matrix.outputs * matrix.inputs
    }
  }

  /// Weights that a step of this many tokens reads. Of a mixture: the experts that are met when all are equally likely.
  func weightBytes(tokens: Int) -> Double {
    mixtures.reduce(Double(sharedBytes)) { sum, mixture in
      let missed = 1 - Double(mixture.chosen) / Double(mixture.count)
      var all = 1.0
      for _ in 0..<min(tokens, 4096) { all *= missed }
      return sum + Double(mixture.bytes) * (1 - all)
    }
  }

  /// Keys and values that a token at a position reads.
  func cacheBytes(position: Double) -> Double {
    zip(layers, positionBytes).reduce(0) { $0 + $1.1 * visible($1.0, position) }
  }

  /// Operations of one token at a position.
  /// - Parameter output: whether its logits are computed.
  func operations(position: Double, output: Bool) -> Double {
    layers.reduce(Double(layerOperations + (output ? outputOperations : 0))) { sum, layer in
      guard let heads = layer.mixer.cached else { return sum }
      let queries =
        switch layer.mixer {
        case .attention(let attention): attention.heads
        case .latent(let latent): latent.heads
        case .deltaNet: 0
        }
      return sum + Double(2 * queries * (heads.keySize + heads.valueSize)) * visible(layer, position)
    }
  }

  /// Positions that one at `position` sees.
  private func visible(_ layer: LayerDescription, _ position: Double) -> Double {
    layer.attention?.window.map { min(Double($0), position) } ?? position
  }
}
