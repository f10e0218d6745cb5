// SPDX-License-Identifier: Apache-2.0
// MLX's affine format: integer codes with a scale and a bias for each group of inputs.
//
// Value        w = scale · code + bias, code an unsigned integer of `bits` bits.
// Legal        bits 2 3 4 5 6 8; group 32 64 128 consecutive elements of the last axis; f32, f16 or bf16.
// Tensors      PATH.weight U32 [..., in · bits / 32], PATH.scales and PATH.biases [..., in / group] in the
//              type of the original weight.
// Bytes        one little-endian bit stream a row: element i has bits i · bits … of the row's bytes, the
//              lowest first; codes of 3, 5 and 6 bits straddle bytes and words. A row is whole words, for
//              group · bits is a multiple of 32.
// Codes        of a group with least element lo and greatest hi, all in float32, n = 2^bits - 1:
//                s = max((hi - lo) / n, 1e-7); e = lo if |lo| > |hi| else hi; s = -s if e is hi
//                q0 = rint(e / s); if q0 ≠ 0 then s = e / q0 and b = e, else b = 0   (so that 0 has a code)
//                code = clamp(rint((w - b) / s), 0, n)
//              rint rounds ties to even; the divisions are true divisions and nothing is fused: a
//              reciprocal or a fused multiply-add changes codes.
// Stored       s and b are narrowed to the weight's type (nearest, ties to even) after the codes are
//              chosen; b is exact, since it is 0 or one of the weights.
// Source       mlx/backend/cpu/quantized.cpp (0.32), whose results this meets bit for bit. Its Metal kernel
//              differs: halves round away from zero there, and the greatest element starts at 0.
//
// `ck_affine_quantize` (CKernels/quantize_affine.c) is the code; decoding is here, and in the kernels.

internal import CKernels
public import Tensors

/// An affine format: how many bits a code has, and how many elements share a scale and a bias.
public struct Affine: Sendable, Hashable {
  /// Bits of a code.
  public let bits: Int
  /// Elements that share a scale and a bias.
  public let groupSize: Int

  /// Bits that exist.
  public static let allBits = [2, 3, 4, 5, 6, 8]
  /// Group sizes that exist.
  public static let allGroupSizes = [32, 64, 128]

  /// - Throws: `QuantizationProblem.setting` when there is no such format.
  public init(bits: Int, groupSize: Int) throws(QuantizationProblem) {
    guard Self.allBits.contains(bits), Self.allGroupSizes.contains(groupSize) else {
      throw .setting(bits: bits, groupSize: groupSize)
    }
    self.bits = bits
    self.groupSize = groupSize
  }

  /// Whether rows of that many elements can be cut into groups.
  public func fits(inputs: Int) -> Bool { inputs > 0 && inputs % groupSize == 0 }
  /// Groups in a row.
  public func groups(inputs: Int) -> Int { inputs / groupSize }
  /// Bytes of a row's codes.
  public func codeByteCount(inputs: Int) -> Int { inputs / 8 * bits }
  /// 32-bit words of a row's codes.
  public func words(inputs: Int) -> Int { inputs / 32 * bits }
  /// Bits an element takes with its share of scale and bias.
  public func bitsPerWeight(dtype: DType) -> Double {
    Double(bits) + 2 * Double(dtype.bitCount) / Double(groupSize)
  }

  /// Quantizes rows.
  /// - Parameters:
  ///   - source: [rows, inputs] elements of `dtype`, at any address.
  ///   - dtype: f32, f16 or bf16; also the type of scales and biases.
  ///   - inputs: a multiple of the group size.
  ///   - codes: [rows] · `codeByteCount(inputs:)` bytes.
  ///   - scales: [rows, groups] of `dtype`.
  ///   - biases: as scales.
  /// - Returns: how many elements are not finite; what was written is of use only when that is 0.
  public func quantize(
    _ source: UnsafeRawBufferPointer, dtype: DType, rows: Int, inputs: Int,
    codes: UnsafeMutableRawBufferPointer, scales: UnsafeMutableRawBufferPointer,
    biases: UnsafeMutableRawBufferPointer
  ) -> Int {
    let size = dtype.bitCount / 8
    precondition(fits(inputs: inputs) && source.count == rows * inputs * size, "rows and source do not match")
    precondition(codes.count >= rows * codeByteCount(inputs: inputs), "no room for the codes")
    precondition(min(scales.count, biases.count) >= rows * groups(inputs: inputs) * size, "no room for the scales")
    precondition(rows <= Int32.max && inputs <= Int32.max, "a block too large for the kernel")
    return ck_affine_quantize(
      source.baseAddress, dtype.kernelType, Int32(rows), Int32(inputs), Int32(bits), Int32(groupSize),
      codes.baseAddress, scales.baseAddress, biases.baseAddress)
  }

  /// Decodes rows to float32.
  /// - Parameters:
  ///   - codes: [rows] · `codeByteCount(inputs:)` bytes.
  ///   - scales: [rows, groups] of `dtype`; `biases` likewise.
  ///   - target: [rows, inputs].
  public func dequantize(
    codes: UnsafeRawBufferPointer, scales: UnsafeRawBufferPointer, biases: UnsafeRawBufferPointer, dtype: DType,
    rows: Int, inputs: Int, into target: UnsafeMutableBufferPointer<Float>
  ) {
    let groupsPerRow = groups(inputs: inputs)
    precondition(fits(inputs: inputs) && target.count >= rows * inputs, "no room for the rows")
    precondition(codes.count >= rows * codeByteCount(inputs: inputs), "too few codes")
    let scale = dtype.floats(scales, count: rows * groupsPerRow)
    let bias = dtype.floats(biases, count: rows * groupsPerRow)
    let mask = (UInt32(1) << UInt32(bits)) - 1
    for row in 0..<rows {
      let start = row * codeByteCount(inputs: inputs)
      for index in 0..<inputs {
        let (byte, shift) = (start + index * bits / 8, index * bits % 8)
        let low = UInt32(codes[byte])
        // A code that straddles takes its upper bits from the next byte, which then belongs to the row.
        let high = shift + bits > 8 ? UInt32(codes[byte + 1]) << 8 : 0
        let code = (low | high) >> UInt32(shift) & mask
        let group = row * groupsPerRow + index / groupSize
        target[row * inputs + index] = scale[group] * Float(code) + bias[group]
      }
    }
  }
}

extension Affine: CustomStringConvertible {
  /// As people name it: `4 bits, groups of 64`.
  public var description: String { "\(bits) bits, groups of \(groupSize)" }
}

extension DType {
  /// The kernels' name of the three types weights come in.
  var kernelType: ck_dtype {
    switch self {
    case .f32: CK_F32
    case .f16: CK_F16
    case .bf16: CK_BF16
    default: preconditionFailure("\(rawValue) weights are not quantized")
    }
  }

  /// The first `count` elements as float32.
  func floats(_ bytes: UnsafeRawBufferPointer, count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      FloatReading.read(bytes, as: self, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
  }
}
