// SPDX-License-Identifier: Apache-2.0
// One matrix in each of the layouts.
//
// GPTQ       qweight I32 [in · bits / 32, out] packed along the inputs, qzeros I32 [groups, out · bits / 32], scales
//            [groups, out], g_idx I32 [in]. zero = stored + 1, in `gptq_v2` as stored.
// AWQ        qweight I32 [in, out / 8] with the eight columns of a word shuffled, qzeros likewise [groups, out / 8], scales
//            [groups, out]. zero as stored.
// compressed weight_packed I32 [out, in · bits / 32], weight_scale [out, groups], weight_zero_point I32
//            [out · bits / 32, groups], weight_shape, weight_g_idx. Codes and zero points are more by half their range.
//            Or weight I8 [out, in] with weight_scale [out, 1] or one for all.
// 8-bit      weight F8 [out, in] with weight_scale_inv of blocks, or weight_scale of the whole, of rows or of blocks.

internal import Checkpoints
internal import Tensors

/// Reads matrices by the names of their tensors.
struct ForeignReader {
  let checkpoint: any Checkpoint
  let settings: ForeignQuantization

  // MARK: GPTQ

  func gptq(_ path: String, _ weight: TensorView) throws(ModelProblem) -> IntegerMatrix {
    let scales = try matrix("\(path).scales")
    let (groups, outputs) = (scales.shape[0], scales.shape[1])
    guard weight.shape.rank == 2 else { throw Self.shape("\(path).qweight", [0, outputs], weight) }
    let index = try checkpoint.tensor("\(path).g_idx").map { view throws(ModelProblem) in
      try integers(view, "\(path).g_idx")
    }
    // A module may have bits of its own: words and inputs tell.
    let (words, bits) = (weight.shape[0], settings.bits)
    let inputs = index?.count ?? words * 32 / bits
    guard inputs > 0, groups > 0, outputs > 0, words * 32 % inputs == 0 else {
      throw Self.shape("\(path).qweight", [inputs * bits / 32, outputs], weight)
    }
    let actual = words * 32 / inputs
    guard [2, 3, 4, 8].contains(actual) else { throw invalid(path, "it has \(actual) bits a code") }
    let size = try groupSize(path, inputs: inputs, groups: groups)
    let zeros = try PackedIntegers(
      try tensor("\(path).qzeros"), name: "\(path).qzeros", bits: actual, axis: .columns, rows: groups, columns: outputs
    )
    let added = settings.storesZeros || Self.isSecondVersion(zeros.view, bits: actual) ? 0 : 1
    return IntegerMatrix(
      path: path, outputs: outputs, inputs: inputs, bits: actual, groups: groups, groupSize: size,
      scaleType: scales.dtype, order: try order(index, path, groups: groups, groupSize: size),
      codes: .packed(
        try PackedIntegers(
          weight, name: "\(path).qweight", bits: actual, axis: .rows, rows: inputs, columns: outputs), transposed: true),
      zeros: .packed(zeros, transposed: true, added: added), scales: scales, scalesAreTransposed: true)
  }

  /// Some files say `gptq` and hold zero points as `gptq_v2` does: every word 0x88888888, or 0x80808080 for 8 bits, is the
  /// middle of the range stored as it is. Less by one it would be 0x77777777.
  private static func isSecondVersion(_ zeros: TensorView, bits: Int) -> Bool {
    let word: [UInt8]? = bits == 4 ? [0x88] : bits == 8 ? [0x80] : nil
    guard let word, zeros.byteCount > 0 else { return false }
    let bytes = zeros.bytes
    for index in 0..<bytes.count where bytes[index] != word[0] { return false }
    return true
  }

  // MARK: AWQ

  func awq(_ path: String, _ weight: TensorView) throws(ModelProblem) -> IntegerMatrix {
    guard settings.bits == 4 else { throw .unsupportedFeature(name: "AWQ of \(settings.bits) bits") }
    let scales = try matrix("\(path).scales")
    let (groups, outputs) = (scales.shape[0], scales.shape[1])
    guard weight.shape.rank == 2, groups > 0, outputs > 0, weight.shape[0] > 0 else {
      throw Self.shape("\(path).qweight", [0, outputs / 8], weight)
    }
    let inputs = weight.shape[0]
    func packed(_ view: TensorView, _ name: String, _ rows: Int) throws(ModelProblem) -> PackedIntegers {
      guard outputs % 8 == 0 else { throw Self.shape(name, [rows, outputs / 8], view) }
      return try PackedIntegers(
        view, name: name, bits: 4, axis: .columns, rows: rows, columns: outputs, order: PackedIntegers.awqOrder)
    }
    let zeros = try packed(try tensor("\(path).qzeros"), "\(path).qzeros", groups)
    return IntegerMatrix(
      path: path, outputs: outputs, inputs: inputs, bits: 4, groups: groups,
      groupSize: try groupSize(path, inputs: inputs, groups: groups), scaleType: scales.dtype, order: nil,
      codes: .packed(try packed(weight, "\(path).qweight", inputs), transposed: true),
      zeros: .packed(zeros, transposed: true, added: 0), scales: scales, scalesAreTransposed: true)
  }

  // MARK: compressed-tensors

  func packed(_ path: String, _ weight: TensorView) throws(ModelProblem) -> IntegerMatrix {
    let sizes = try integers(try tensor("\(path).weight_shape"), "\(path).weight_shape")
    guard sizes.count == 2, sizes.allSatisfy({ (1...Int64(Int32.max)).contains($0) }), weight.shape.rank == 2 else {
      throw invalid(path, "its weight_shape is \(sizes)")
    }
    let (outputs, inputs) = (Int(sizes[0]), Int(sizes[1]))
    guard let bits = [2, 4, 8].first(where: { (inputs * $0 + 31) / 32 == weight.shape[1] }) else {
      throw Self.shape("\(path).weight_packed", [outputs, inputs / 8], weight)
    }
    let scales = try scale(path, outputs: outputs)
    let groups = scales.shape.elementCount == 1 ? 1 : scales.shape[1]
    let size = try groupSize(path, inputs: inputs, groups: groups)
    let zeros = try checkpoint.tensor("\(path).weight_zero_point").map { view throws(ModelProblem) in
      try PackedIntegers(
        view, name: "\(path).weight_zero_point", bits: bits, axis: .rows, rows: outputs, columns: groups)
    }
    let index = try checkpoint.tensor("\(path).weight_g_idx").map { view throws(ModelProblem) in
      try integers(view, "\(path).weight_g_idx")
    }
    if let index, index.count != inputs { throw invalid(path, "its weight_g_idx has \(index.count) entries") }
    return IntegerMatrix(
      path: path, outputs: outputs, inputs: inputs, bits: bits, groups: groups, groupSize: size,
      scaleType: scales.dtype, order: try order(index, path, groups: groups, groupSize: size),
      codes: .packed(
        try PackedIntegers(
          weight, name: "\(path).weight_packed", bits: bits, axis: .columns, rows: outputs, columns: inputs),
        transposed: false),
      zeros: zeros.map { .packed($0, transposed: false, added: 0) } ?? .constant(1 << (bits - 1)), scales: scales,
      scalesAreTransposed: false)
  }

  func bytes(_ path: String, _ weight: TensorView) throws(ModelProblem) -> IntegerMatrix {
    guard weight.shape.rank == 2, weight.shape.elementCount > 0 else {
      throw Self.shape("\(path).weight", [0, 0], weight)
    }
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let scales = try scale(path, outputs: outputs)
    let groups = scales.shape.elementCount == 1 ? 1 : scales.shape[1]
    let zeros = checkpoint.tensor("\(path).weight_zero_point")
    if let zeros, zeros.dtype != .i8 || zeros.shape.elementCount != outputs * groups {
      throw Self.shape("\(path).weight_zero_point", [outputs, groups], zeros)
    }
    return IntegerMatrix(
      path: path, outputs: outputs, inputs: inputs, bits: 8, groups: groups,
      groupSize: try groupSize(path, inputs: inputs, groups: groups), scaleType: scales.dtype, order: nil,
      codes: .bytes(weight), zeros: zeros.map { .bytes($0) } ?? .constant(128), scales: scales,
      scalesAreTransposed: false)
  }

  /// The scales [outputs, groups], or the only one.
  private func scale(_ path: String, outputs: Int) throws(ModelProblem) -> TensorView {
    let view = try tensor("\(path).weight_scale")
    try Self.expectFloats(view, "\(path).weight_scale")
    if view.shape.elementCount == 1 { return view }
    guard view.shape.rank == 2, view.shape[0] == outputs, view.shape[1] > 0 else {
      throw Self.shape("\(path).weight_scale", [outputs, 1], view)
    }
    return view
  }

  // MARK: 8-bit floats

  func float8(_ path: String, _ weight: TensorView) throws(ModelProblem) -> Float8Matrix {
    try Float8Matrix(
      path: path, elements: weight,
      scales: checkpoint.tensor("\(path).weight_scale_inv") ?? checkpoint.tensor("\(path).weight_scale"),
      block: settings.block)
  }

  // MARK: Parts

  /// Inputs that share a scale: what the config says if it agrees with the number of groups.
  private func groupSize(_ path: String, inputs: Int, groups: Int) throws(ModelProblem) -> Int {
    if groups == 1 { return inputs }
    if let size = settings.groupSize, (inputs + size - 1) / size == groups { return size }
    guard inputs % groups == 0 else { throw invalid(path, "\(inputs) inputs do not make \(groups) groups") }
    return inputs / groups
  }

  /// The groups of the inputs, checked; nil when they are in order.
  private func order(
    _ index: [Int64]?, _ path: String, groups: Int, groupSize: Int
  ) throws(ModelProblem) -> [Int32]? {
    guard let index else { return nil }
    guard index.allSatisfy({ 0 <= $0 && $0 < groups }) else {
      throw invalid(path, "its g_idx names groups it does not have")
    }
    let isInOrder = index.enumerated().allSatisfy { $0.element == Int64($0.offset / groupSize) }
    return isInOrder ? nil : index.map { Int32($0) }
  }

  private func integers(_ view: TensorView, _ name: String) throws(ModelProblem) -> [Int64] {
    let count = view.shape.elementCount
    return try view.withUnsafeBytes { bytes throws(ModelProblem) -> [Int64] in
      switch view.dtype {
      case .i32: (0..<count).map { Int64(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)) }
      case .i64: (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self) }
      default: throw .wrongType(name: name, expected: "I32 or I64", found: view.dtype.rawValue)
      }
    }
  }

  private func tensor(_ name: String) throws(ModelProblem) -> TensorView {
    guard let view = checkpoint.tensor(name) else { throw .missingTensor(name: name) }
    return view
  }

  /// Floats of two axes.
  private func matrix(_ name: String) throws(ModelProblem) -> TensorView {
    let view = try tensor(name)
    try Self.expectFloats(view, name)
    guard view.shape.rank == 2 else { throw Self.shape(name, [0, 0], view) }
    return view
  }

  private static func expectFloats(_ view: TensorView, _ name: String) throws(ModelProblem) {
    guard view.dtype.torchName != nil else {
      throw .wrongType(name: name, expected: "F32, F16 or BF16", found: view.dtype.rawValue)
    }
  }

  private static func shape(_ name: String, _ expected: [Int], _ view: TensorView) -> ModelProblem {
    .wrongShape(name: name, expected: expected, found: view.shape.dimensions)
  }

  private func invalid(_ path: String, _ reason: String) -> ModelProblem { .invalidTensor(name: path, reason: reason) }
}
