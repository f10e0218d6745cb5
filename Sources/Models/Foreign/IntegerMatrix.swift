// SPDX-License-Identifier: Apache-2.0
// A matrix quantized to integers by another program: w = (code - zero) · scale, with a zero point and a scale for each
// group of inputs. GPTQ, AWQ and compressed-tensors differ only in how codes, zero points and scales lie in the file.
//
// MLX's affine form of the same is scale · code + bias with bias = -zero · scale: the codes stay, and the bias is exact in
// the scale's type where the product fits it (always for the zero point 8 of symmetric 4-bit codes), else in float32.

public import Tensors

/// A matrix [outputs, inputs] of integer codes.
public struct IntegerMatrix: Sendable {
  /// Where the codes lie.
  enum Codes: Sendable {
    /// Packed; `transposed` when the tensor is [inputs, outputs].
    case packed(PackedIntegers, transposed: Bool)
    /// Signed bytes [outputs, inputs], 128 less than the code.
    case bytes(TensorView)
  }

  /// Where the zero points lie.
  enum Zeros: Sendable {
    /// The same for all.
    case constant(Int)
    /// Packed, `added` less than the zero point; `transposed` when the tensor is [groups, outputs].
    case packed(PackedIntegers, transposed: Bool, added: Int)
    /// Signed bytes [outputs, groups], 128 less than the zero point.
    case bytes(TensorView)
  }

  /// Module path.
  public let path: String
  public let outputs: Int
  public let inputs: Int
  public let bits: Int
  /// Scales in a row.
  public let groups: Int
  /// Inputs that share a scale, where they are in order; the last group of a row may be shorter.
  public let groupSize: Int
  /// Type of the scales.
  public let scaleType: DType
  /// The group of each input, when they are not in order (act-order).
  public let order: [Int32]?
  let codes: Codes
  let zeros: Zeros
  let scales: TensorView
  /// Whether the scales are [groups, outputs].
  let scalesAreTransposed: Bool

  /// Codes of some rows, [rows, inputs], a byte each.
  public func codes(_ rows: Range<Int>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: rows.count * inputs) { buffer, count in
      count = rows.count * inputs
      switch codes {
      case .packed(let packed, let transposed):
        packed.copy(rows, transposed: transposed, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      case .bytes(let view):
        let bytes = view.bytes
        for index in 0..<count { buffer[index] = bytes[rows.lowerBound * inputs + index] ^ 0x80 }
      }
    }
  }

  /// Scales and zero points of all rows, each [outputs, groups].
  /// - Throws: `ModelProblem.invalidTensor` when a scale is no finite number.
  public func parameters() throws(ModelProblem) -> (scales: [Float], zeros: [Float]) {
    let stored: [Float]
    do { stored = try scales.floats() } catch {
      throw .wrongType(name: "\(path) scales", expected: "F16, BF16 or F32", found: scales.dtype.rawValue)
    }
    guard stored.allSatisfy(\.isFinite) else {
      throw .invalidTensor(name: path, reason: "it has scales that are no finite numbers")
    }
    let count = outputs * groups
    var values = stored
    if stored.count == 1, count > 1 {
      values = Array(repeating: stored[0], count: count)
    } else if scalesAreTransposed {
      values = Self.transposed(stored, rows: groups, columns: outputs)
    }
    return (values, zeroPoints(count))
  }

  private func zeroPoints(_ count: Int) -> [Float] {
    switch zeros {
    case .constant(let zero): return Array(repeating: Float(zero), count: count)
    case .bytes(let view):
      let bytes = view.bytes
      return (0..<count).map { Float(bytes[$0] ^ 0x80) }
    case .packed(let packed, let transposed, let added):
      let points = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        packed.copy(0..<outputs, transposed: transposed, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        initialized = count
      }
      return points.map { Float(Int($0) + added) }
    }
  }

  /// Values of some rows, [rows, inputs], exact in float32 for scales of 16 bits.
  public func values(_ rows: Range<Int>, scales: [Float], zeros: [Float]) -> [Float] {
    let codes = codes(rows)
    return [Float](unsafeUninitializedCapacity: codes.count) { buffer, count in
      count = codes.count
      for row in 0..<rows.count {
        let first = (rows.lowerBound + row) * groups
        for input in 0..<inputs {
          let group = first + (order.map { Int($0[input]) } ?? input / groupSize)
          buffer[row * inputs + input] = (Float(codes[row * inputs + input]) - zeros[group]) * scales[group]
        }
      }
    }
  }

  static func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
      for row in 0..<rows { for column in 0..<columns { buffer[column * rows + row] = values[row * columns + column] } }
      count = values.count
    }
  }
}

extension IntegerMatrix {
  /// MLX's format for the same codes; nil when it has none: groups of less than 32 inputs, or out of order.
  ///
  /// Groups that are larger than MLX's become several with the same scale.
  public var affine: (bits: Int, groupSize: Int)? {
    guard order == nil, [2, 3, 4, 5, 6, 8].contains(bits) else { return nil }
    let size = [128, 64, 32].first { inputs % $0 == 0 && (groupSize % $0 == 0 || groups == 1) }
    return size.map { (bits, $0) }
  }

  /// The type in which both the scales and -zero · scale are exact: that of the scales, else float32.
  public func exactType() throws(ModelProblem) -> DType {
    let (scales, zeros) = try parameters()
    for (scale, zero) in zip(scales, zeros) {
      let bias = 0 - zero * scale
      let narrowed =
        switch scaleType {
        case .f16: HalfFloats.float(f16: HalfFloats.f16(bias))
        case .bf16: HalfFloats.float(bf16: HalfFloats.bf16(bias))
        default: bias
        }
      if narrowed != bias { return .f32 }
    }
    return scaleType
  }
}
