// SPDX-License-Identifier: Apache-2.0
// The tensors a quantized model will have: those its architecture names, under MLX's names. What the
// architecture does not name (a tied head, stored rotary frequencies) is left out by that.

internal import Checkpoints
internal import Models
internal import Quantization
internal import Tensors

/// A tensor of the result and where its values come from.
struct QuantizingTensor: Sendable {
  /// Full name; of a matrix, `PATH.weight`.
  var name: String
  /// The source: one tensor, or one of each expert, stacked along a new first axis.
  var parts: [TensorView]
  var shape: Shape
  /// The type after conversion.
  var dtype: DType
  /// Whether it may be quantized.
  var isCandidate: Bool

  /// Path of the module.
  var path: String { name.hasSuffix(".weight") ? String(name.dropLast(7)) : name }
  /// Bytes to be read.
  var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }
}

/// Collects the tensors of an architecture in the order of MLX's modules.
struct QuantizingTensors {
  private let checkpoint: any Checkpoint
  /// The type all floats get; nil leaves each as it is.
  private let dtype: DType?
  private(set) var tensors: [QuantizingTensor] = []
  private let modelType: String
  private var used: Set<String> = []

  init(_ architecture: Architecture, checkpoint: any Checkpoint, dtype: DType?) throws {
    self.checkpoint = checkpoint
    self.dtype = dtype
    modelType = architecture.modelType
    try add("\(architecture.embedding.path).weight", isCandidate: true)
    for layer in architecture.layers { try add(layer) }
    try add(architecture.finalNorm)
    if !architecture.output.isTied { try add(architecture.output.linear) }
  }

  /// Names in the checkpoint that the result does not have.
  var dropped: [String] { checkpoint.names.filter { !used.contains($0) } }

  private mutating func add(_ layer: LayerDescription) throws {
    guard let attention = layer.attention, attention.sinks == nil else {
      throw QuantizationProblem.architecture(name: modelType)
    }
    for linear in attention.queryKeyValue { try add(linear) }
    try add(attention.output)
    try add(attention.queryNorm?.norm)
    try add(attention.keyNorm?.norm)
    switch layer.feedForward {
    case .dense(let mlp): try add(mlp)
    case .experts(let mixture):
      try add(mixture.router)
      for linear in [mixture.gate, mixture.up, mixture.down] { try add(linear, count: mixture.count) }
      if let shared = mixture.shared {
        try add(shared.mlp)
        if let gate = shared.gate { try add(gate) }
      }
    }
    for norm in [
      layer.preAttentionNorm, layer.postAttentionNorm, layer.preFeedForwardNorm, layer.postFeedForwardNorm,
    ] { try add(norm) }
  }

  private mutating func add(_ mlp: MLP) throws {
    for linear in mlp.input { try add(linear) }
    try add(mlp.down)
  }

  private mutating func add(_ linear: Linear) throws {
    try add("\(linear.path).weight", isCandidate: true)
    if linear.bias { try add("\(linear.path).bias") }
  }

  private mutating func add(_ norm: Norm?) throws {
    guard let norm else { return }
    try add("\(norm.path).weight")
    if norm.bias { try add("\(norm.path).bias") }
  }

  private mutating func add(_ linear: ExpertLinear, count: Int) throws {
    let stacked = "\(linear.stackedPath).weight"
    if checkpoint.has(stacked) { return try add(stacked, isCandidate: true) }
    let names = (0..<count).map { "\(linear.path(of: $0)).weight" }
    var parts: [TensorView] = []
    for name in names { parts.append(try checkpoint.require(name)) }
    used.formUnion(names)
    tensors.append(
      QuantizingTensor(
        name: stacked, parts: parts, shape: try Shape([count, linear.outputs, linear.inputs]),
        dtype: try resultType(parts, names[0]), isCandidate: true))
  }

  private mutating func add(_ name: String, isCandidate: Bool = false) throws {
    let view = try checkpoint.require(name)
    used.insert(name)
    tensors.append(
      QuantizingTensor(
        name: name, parts: [view], shape: view.shape, dtype: try resultType([view], name), isCandidate: isCandidate))
  }

  /// The type of the result: the one wanted, else that of the source.
  private func resultType(_ parts: [TensorView], _ name: String) throws -> DType {
    for part in parts where part.dtype.torchName == nil || (dtype == nil && part.dtype != parts[0].dtype) {
      throw QuantizationProblem.elementType(tensor: name, dtype: part.dtype.rawValue)
    }
    return dtype ?? parts[0].dtype
  }
}
