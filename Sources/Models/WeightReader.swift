// SPDX-License-Identifier: Apache-2.0
// From the names in an architecture to tensors in a checkpoint, each checked for shape and type.

internal import Basics
public import Checkpoints
public import Tensors

/// Finds and checks the tensors of a model.
public struct WeightReader: Sendable {
  public let checkpoint: any Checkpoint
  public let quantization: QuantizationConfig?

  init(checkpoint: any Checkpoint, quantization: QuantizationConfig?) {
    self.checkpoint = checkpoint
    self.quantization = quantization
  }

  /// Whether the matrices of keys and values are kept apart for each head, as MLX does.
  public func isExpanded(_ latent: LatentAttention) -> Bool {
    checkpoint.tensor("\(latent.keyExpansion.stackedPath).weight") != nil
  }

  /// The weights of a layer's convolution, [channels, kernel] with an axis of one before or behind the kernel's.
  public func convolution(_ net: GatedDeltaNet) throws(ModelProblem) -> TensorView {
    let view = try tensor(net.convolution)
    let shapes = [[net.channels, 1, net.kernel], [net.channels, net.kernel, 1]]
    guard shapes.contains(view.shape.dimensions) else {
      throw .wrongShape(name: net.convolution, expected: shapes[0], found: view.shape.dimensions)
    }
    try Self.expectFloats(view, net.convolution)
    return view
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
      if let fused = linear.interleaved { return try matrix(linear, in: fused, expert: expert, of: count) }
      return try matrix(linear.path(of: expert), leading: [], outputs: linear.outputs, inputs: linear.inputs)
    }
    var stored = try matrix(
      linear.stackedPath, leading: [count], outputs: linear.outputs, inputs: linear.inputs)
    if linear.bias {
      let name = "\(linear.stackedPath).bias"
      let bias = try tensor(name)
      try Self.expect(bias, name, [count, linear.outputs])
      try Self.expectFloats(bias, name)
      stored.bias = try Self.slice(bias, expert, of: count)
    }
    stored.weight = try Self.slice(stored.weight, expert, of: count)
    stored.scales = try stored.scales.map { view throws(ModelProblem) in try Self.slice(view, expert, of: count) }
    stored.offsets = try stored.offsets.map { view throws(ModelProblem) in try Self.slice(view, expert, of: count) }
    return stored
  }

  /// The matrix of one expert out of a tensor in which several take turns.
  private func matrix(
    _ linear: ExpertLinear, in fused: InterleavedExperts, expert: Int, of count: Int
  ) throws(ModelProblem) -> StoredMatrix {
    let rows = fused.parts * linear.outputs
    var stored: StoredMatrix
    if let blocks = checkpoint.tensor("\(fused.path)_blocks") {
      let groups = linear.inputs / 32
      let scales = try tensor("\(fused.path)_scales")
      guard linear.inputs % 32 == 0 else {
        throw .wrongShape(name: fused.path, expected: [rows, groups * 32], found: [rows, linear.inputs])
      }
      try Self.expect(blocks, "\(fused.path)_blocks", [count, rows, groups, 16])
      try Self.expect(scales, "\(fused.path)_scales", [count, rows, groups])
      for (view, name) in [(blocks, "blocks"), (scales, "scales")] where view.dtype != .u8 {
        throw Self.wrongType("\(fused.path)_\(name)", "U8", view)
      }
      stored = StoredMatrix(
        path: fused.path, outputs: linear.outputs, inputs: linear.inputs, format: .mxfp4,
        weight: try Self.slice(blocks, expert, of: count), scales: try Self.slice(scales, expert, of: count))
      stored.arrangement = .everyRow(first: fused.part, step: fused.parts)
    } else {
      let weight = try tensor(fused.path)
      try Self.expect(weight, fused.path, [count, linear.inputs, rows])
      try Self.expectFloats(weight, fused.path)
      stored = StoredMatrix(
        path: fused.path, outputs: linear.outputs, inputs: linear.inputs, format: .plain,
        weight: try Self.slice(weight, expert, of: count))
      stored.arrangement = .everyColumn(first: fused.part, step: fused.parts)
    }
    if linear.bias {
      let bias = try tensor("\(fused.path)_bias")
      try Self.expect(bias, "\(fused.path)_bias", [count, rows])
      try Self.expectFloats(bias, "\(fused.path)_bias")
      stored.bias = try Self.slice(bias, expert, of: count)
    }
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
