// SPDX-License-Identifier: Apache-2.0
// Every tensor that a description asks for, as a list: the matrices, and the vectors with a value that keeps numbers
// of the usual size.

internal import Models
internal import Quantization
internal import Tensors

/// What a checkpoint of an architecture holds.
struct RandomTensors {
  /// A tensor that is the same number all over.
  struct Constant {
    var name: String
    var shape: Shape
    var value: Float
  }

  private(set) var matrices: [Candidate] = []
  private(set) var constants: [Constant] = []
  private var paths: Set<String> = []

  init(_ architecture: Architecture) throws {
    try add(
      Linear(path: architecture.embedding.path, outputs: architecture.vocabularySize, inputs: architecture.hiddenSize))
    for layer in architecture.layers { try add(layer) }
    try add(architecture.finalNorm)
    try add(architecture.output.linear)
  }

  private mutating func add(_ layer: LayerDescription) throws {
    for norm in [layer.preAttentionNorm, layer.postAttentionNorm, layer.preFeedForwardNorm, layer.postFeedForwardNorm] {
      try add(norm)
    }
    switch layer.mixer {
    case .attention(let attention): try add(attention)
    case .latent(let latent): try add(latent)
    case .deltaNet(let net): try add(net)
    }
    switch layer.feedForward {
    case .dense(let mlp): try add(mlp)
    case .experts(let mixture): try add(mixture)
    }
  }

  private mutating func add(_ attention: Attention) throws {
    for linear in attention.queryKeyValue { try add(linear) }
    try add(attention.output)
    try add(attention.queryNorm?.norm)
    try add(attention.keyNorm?.norm)
    if let sinks = attention.sinks { try add(sinks, [attention.heads], 0) }
  }

  private mutating func add(_ latent: LatentAttention) throws {
    switch latent.query {
    case .direct(let linear): try add(linear)
    case .narrow(let down, let norm, let up):
      try add(down)
      try add(norm)
      try add(up)
    }
    try add(latent.compression)
    try add(latent.compressionNorm)
    try add(latent.expansion)
    try add(latent.output)
  }

  private mutating func add(_ net: GatedDeltaNet) throws {
    for linear in [net.input, net.rates, net.output] { try add(linear) }
    try add(net.convolution, [net.channels, 1, net.kernel], 1 / Float(net.kernel))
    for name in [net.decay, net.timeBias] { try add(name, [net.valueHeads], 0) }
    try add(net.norm)
  }

  private mutating func add(_ mlp: MLP) throws {
    for linear in mlp.input { try add(linear) }
    try add(mlp.down)
  }

  private mutating func add(_ mixture: MixtureOfExperts) throws {
    try add(mixture.router)
    if let name = mixture.choiceBias { try add(name, [mixture.count], 0) }
    for linear in [mixture.gate, mixture.up, mixture.down] {
      try add(linear.stackedPath, [mixture.count, linear.outputs, linear.inputs])
      if linear.bias { try add("\(linear.stackedPath).bias", [mixture.count, linear.outputs], 0) }
    }
    if let shared = mixture.shared {
      try add(shared.mlp)
      if let gate = shared.gate { try add(gate) }
    }
  }

  private mutating func add(_ linear: Linear) throws {
    try add(linear.path, [linear.outputs, linear.inputs])
    if linear.bias { try add("\(linear.path).bias", [linear.outputs], 0) }
  }

  private mutating func add(_ norm: Norm?) throws {
    guard let norm else { return }
    try add("\(norm.path).weight", [norm.size], 1 - norm.weightOffset)
    if norm.bias { try add("\(norm.path).bias", [norm.size], 0) }
  }

  /// A matrix, once: tied ones come twice.
  private mutating func add(_ path: String, _ shape: [Int]) throws {
    guard paths.insert(path).inserted else { return }
    matrices.append(Candidate(path: path, shape: try Shape(shape), dtype: .bf16))
  }

  private mutating func add(_ name: String, _ shape: [Int], _ value: Float) throws {
    guard paths.insert(name).inserted else { return }
    constants.append(Constant(name: name, shape: try Shape(shape), value: value))
  }
}
