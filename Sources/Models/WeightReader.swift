// SPDX-License-Identifier: Apache-2.0
// From the names in an architecture to tensors in a checkpoint, each checked for shape and type.

internal import Basics
public import Checkpoints
public import Tensors

/// A matrix [outputs, inputs] as it lies in the checkpoint.
public struct StoredMatrix: Sendable {
  /// Module path, for messages.
  public var path: String
  public var outputs: Int
  public var inputs: Int
  public var format: WeightFormat
  /// Plain: [outputs, inputs] floats. Otherwise [outputs, words] of packed codes.
  public var weight: TensorView
  /// [outputs, groups]; nil when plain.
  public var scales: TensorView?
  /// [outputs, groups]; affine only.
  public var offsets: TensorView?
  /// [outputs]; added to the product.
  public var bias: TensorView?
}

/// Finds and checks the tensors of a model.
public struct WeightReader: Sendable {
  public let checkpoint: any Checkpoint
  public let quantization: QuantizationConfig?

  init(checkpoint: any Checkpoint, quantization: QuantizationConfig?) {
    self.checkpoint = checkpoint
    self.quantization = quantization
  }

  /// Finds every tensor the architecture names.
  /// - Throws: `ModelProblem` for the first that is missing or is not as described.
  public func check(_ architecture: Architecture) throws(ModelProblem) {
    let (vocabulary, hidden) = (architecture.vocabularySize, architecture.hiddenSize)
    _ = try matrix(Linear(path: architecture.embedding.path, outputs: vocabulary, inputs: hidden))
    _ = try matrix(architecture.output.linear)
    try check(architecture.finalNorm)
    for layer in architecture.layers { try check(layer) }
  }

  private func check(_ layer: LayerDescription) throws(ModelProblem) {
    for linear in layer.attention.queryKeyValue { _ = try matrix(linear) }
    _ = try matrix(layer.attention.output)
    try check(layer.attention.queryNorm?.norm)
    try check(layer.attention.keyNorm?.norm)
    try check(layer.preAttentionNorm)
    try check(layer.postAttentionNorm)
    try check(layer.preFeedForwardNorm)
    try check(layer.postFeedForwardNorm)
    switch layer.feedForward {
    case .dense(let mlp):
      for linear in mlp.input { _ = try matrix(linear) }
      _ = try matrix(mlp.down)
    case .experts(let mixture):
      _ = try matrix(mixture.router)
      for linear in [mixture.gate, mixture.up, mixture.down] {
        for expert in 0..<mixture.count { _ = try matrix(linear, expert: expert, of: mixture.count) }
      }
    }
  }

  private func check(_ norm: Norm?) throws(ModelProblem) {
    guard let norm else { return }
    _ = try vector("\(norm.path).weight", count: norm.size)
    if norm.bias { _ = try vector("\(norm.path).bias", count: norm.size) }
  }

  /// A vector of floats.
  public func vector(_ name: String, count: Int) throws(ModelProblem) -> TensorView {
    let view = try tensor(name)
    try Self.expect(view, name, [count])
    try Self.expectFloats(view, name)
    return view
  }

  /// A matrix with its scales and its bias.
  public func matrix(_ linear: Linear) throws(ModelProblem) -> StoredMatrix {
    var stored = try matrix(
      linear.path, leading: [], outputs: linear.outputs, inputs: linear.inputs)
    if linear.bias { stored.bias = try vector("\(linear.path).bias", count: linear.outputs) }
    return stored
  }

  /// The matrix of one expert, from its own tensor or out of the stack of all.
  public func matrix(_ linear: ExpertLinear, expert: Int, of count: Int) throws(ModelProblem) -> StoredMatrix {
    guard checkpoint.tensor("\(linear.stackedPath).weight") != nil else {
      return try matrix(linear.path(of: expert), leading: [], outputs: linear.outputs, inputs: linear.inputs)
    }
    var stored = try matrix(
      linear.stackedPath, leading: [count], outputs: linear.outputs, inputs: linear.inputs)
    stored.weight = try Self.slice(stored.weight, expert, of: count)
    stored.scales = try stored.scales.map { view throws(ModelProblem) in try Self.slice(view, expert, of: count) }
    stored.offsets = try stored.offsets.map { view throws(ModelProblem) in try Self.slice(view, expert, of: count) }
    return stored
  }

  private func matrix(
    _ path: String, leading: [Int], outputs: Int, inputs: Int
  ) throws(ModelProblem) -> StoredMatrix {
    let name = "\(path).weight"
    let weight = try tensor(name)
    guard let scales = checkpoint.tensor("\(path).scales") else {
      try Self.expect(weight, name, leading + [outputs, inputs])
      try Self.expectFloats(weight, name)
      return StoredMatrix(path: path, outputs: outputs, inputs: inputs, format: .plain, weight: weight)
    }
    guard weight.dtype == .u32 else { throw Self.wrongType(name, "U32", weight) }
    let scalesName = "\(path).scales"
    let (words, groups) = (weight.shape.rowLength, scales.shape.rowLength)
    try Self.expect(weight, name, leading + [outputs, words])
    try Self.expect(scales, scalesName, leading + [outputs, groups])
    let areBytes = scales.dtype == .u8
    let format = WeightFormat(inputs: inputs, words: words, groups: groups, scalesAreBytes: areBytes)
    guard let format, quantization?.agrees(with: format, path: path) ?? true else {
      throw .invalidConfig(
        key: "quantization",
        reason: "it does not go with \(path): \(words) words and \(groups) scales a row of \(inputs) inputs")
    }
    var stored = StoredMatrix(
      path: path, outputs: outputs, inputs: inputs, format: format, weight: weight, scales: scales)
    if case .affine = format {
      try Self.expectFloats(scales, scalesName)
      let offsets = try tensor("\(path).biases")
      try Self.expect(offsets, "\(path).biases", leading + [outputs, groups])
      guard offsets.dtype == scales.dtype else {
        throw Self.wrongType("\(path).biases", scales.dtype.rawValue, offsets)
      }
      stored.offsets = offsets
    }
    return stored
  }

  private func tensor(_ name: String) throws(ModelProblem) -> TensorView {
    guard let view = checkpoint.tensor(name) else { throw .missingTensor(name: name) }
    return view
  }

  /// Part `index` of `count` equal parts along the first axis.
  private static func slice(_ view: TensorView, _ index: Int, of count: Int) throws(ModelProblem) -> TensorView {
    do {
      let shape = try Shape(Array(view.shape.dimensions.dropFirst()))
      return try TensorView(
        dtype: view.dtype, shape: shape, file: view.file, offset: view.offset + view.byteCount / count * index)
    } catch {
      throw .wrongShape(name: "experts", expected: [count], found: view.shape.dimensions)
    }
  }

  private static func expect(_ view: TensorView, _ name: String, _ shape: [Int]) throws(ModelProblem) {
    guard view.shape.dimensions == shape else {
      throw .wrongShape(name: name, expected: shape, found: view.shape.dimensions)
    }
  }

  private static func expectFloats(_ view: TensorView, _ name: String) throws(ModelProblem) {
    switch view.dtype {
    case .f32, .f16, .bf16: return
    default: throw wrongType(name, "F32, F16 or BF16", view)
    }
  }

  private static func wrongType(_ name: String, _ expected: String, _ view: TensorView) -> ModelProblem {
    .wrongType(name: name, expected: expected, found: view.dtype.rawValue)
  }
}

extension StoredMatrix {
  /// Some of the rows as a matrix of their own, where they lie; its bias is left as it is.
  /// - Precondition: the range lies within the rows.
  /// - Throws: `ModelProblem.wrongShape` when the tensors' rows do not end at whole bytes.
  public func rows(_ range: Range<Int>) throws(ModelProblem) -> StoredMatrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= outputs, "rows outside the matrix")
    var part = self
    part.outputs = range.count
    part.weight = try Self.rows(weight, range, path)
    part.scales = try scales.map { view throws(ModelProblem) in try Self.rows(view, range, path) }
    part.offsets = try offsets.map { view throws(ModelProblem) in try Self.rows(view, range, path) }
    return part
  }

  private static func rows(_ view: TensorView, _ range: Range<Int>, _ path: String) throws(ModelProblem) -> TensorView {
    do {
      guard let size = view.rowByteCount else { throw TensorProblem.byteCount(dtype: view.dtype, shape: view.shape) }
      let shape = try Shape(rows: range.count, columns: view.shape.rowLength)
      return try TensorView(
        dtype: view.dtype, shape: shape, file: view.file, offset: view.offset + size * range.lowerBound)
    } catch {
      throw .wrongShape(name: path, expected: [range.count], found: view.shape.dimensions)
    }
  }
}
