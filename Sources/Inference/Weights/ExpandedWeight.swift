// SPDX-License-Identifier: Apache-2.0
// Matrices no kernel reads as they lie, copied once into rows of plain numbers: MX and NVFP4 formats, and transposed ones.
// Nothing is lost: an MX element has at most 4 significant bits, its scale at most 4, and bfloat16 holds 8. (Of MXFP8 numbers
// below 2^-133, which no model has, the last bits are.)
//
// Layout, as MLX writes it: codes in little-endian 32-bit words, the first element in the lowest bits; one byte of
// scale for each group of a row. mxfp4: e2m1 codes, groups of 32, scale 2^(byte - 127). mxfp8: e4m3 codes, the same scales.
// nvfp4: e2m1 codes, groups of 16, e4m3 scales.

import CKernels
import Models
import Tensors

/// A matrix in memory of its own.
final class ExpandedWeight: Sendable {
  private let memory: AnonymousMemory
  /// Type of the elements.
  let dtype: ck_dtype

  /// The elements [outputs, inputs].
  var base: UnsafeRawPointer { UnsafeRawPointer(memory.base) }

  /// Copies a matrix whose columns take turns with those of others into rows of its own, bit for bit.
  init(columnsOf stored: StoredMatrix, first: Int, step: Int, dtype: ck_dtype) throws(InferenceProblem) {
    let size = dtype == CK_F32 ? 4 : 2
    memory = try AnonymousMemory(byteCount: stored.outputs * stored.inputs * size, hugePages: true)
    self.dtype = dtype
    guard let source = stored.weight.unsafeBase else { return }
    for output in 0..<stored.outputs {
      let row = memory.base + output * stored.inputs * size
      for input in 0..<stored.inputs {
        let element = source + (input * stored.outputs * step + output * step + first) * size
        (row + input * size).copyMemory(from: element, byteCount: size)
      }
    }
  }

  /// The transpose of some rows of a matrix, in float32: [inputs, rows].
  init(transposing weight: ck_weight, rows: Range<Int>) throws(InferenceProblem) {
    let inputs = Int(weight.inputs)
    memory = try AnonymousMemory(byteCount: rows.count * inputs * 4, hugePages: true)
    dtype = CK_F32
    let out = memory.base.assumingMemoryBound(to: Float.self)
    var row = [Float](repeating: 0, count: inputs)
    var weight = weight
    for (index, number) in rows.enumerated() {
      ck_weight_row(&weight, Int32(number), &row)
      for input in 0..<inputs { out[input * rows.count + index] = row[input] }
    }
  }

  /// Widens a matrix; nil for formats that are none of these.
  init?(_ stored: StoredMatrix) throws(InferenceProblem) {
    guard let codes = stored.weight.unsafeBase, let scales = stored.scales?.unsafeBase else { return nil }
    let (first, step) =
      if case .everyRow(let first, let step) = stored.arrangement { (first, step) } else { (0, 1) }
    let (bits, group): (Int, Int)
    switch stored.format {
    case .mxfp4: (bits, group) = (4, 32)
    case .mxfp8: (bits, group) = (8, 32)
    case .nvfp4: (bits, group) = (4, 16)
    case .plain, .affine: return nil
    }
    memory = try AnonymousMemory(byteCount: stored.outputs * stored.inputs * 2, hugePages: true)
    dtype = CK_BF16
    let isExponent = stored.format != .nvfp4
    let elements = bits == 4 ? Self.fp4 : (0..<256).map { Self.e4m3(UInt8($0)) }
    let out = memory.base.assumingMemoryBound(to: UInt16.self)
    let groupBytes = group * bits / 8
    let groups = stored.inputs / group
    for number in 0..<stored.outputs * groups {
      // Place of the group among all that take turns.
      let index = (number / groups * step + first) * groups + number % groups
      let byte = scales.load(fromByteOffset: index, as: UInt8.self)
      let scale = isExponent ? Self.e8m0(byte) : Self.e4m3(byte)
      let place = out + number * group
      for offset in 0..<groupBytes {
        let code = codes.load(fromByteOffset: index * groupBytes + offset, as: UInt8.self)
        if bits == 8 {
          place[offset] = Self.bf16(elements[Int(code)] * scale)
        } else {
          place[2 * offset] = Self.bf16(elements[Int(code & 15)] * scale)
          place[2 * offset + 1] = Self.bf16(elements[Int(code >> 4)] * scale)
        }
      }
    }
  }

  /// Values of e2m1: a sign, two bits of exponent, one of fraction.
  private static let fp4: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]

  /// A power of two; 255 is no number.
  private static func e8m0(_ byte: UInt8) -> Float {
    byte == 255 ? .nan : Float(sign: .plus, exponent: Int(byte) - 127, significand: 1)
  }

  /// Sign, four bits of exponent (bias 7), three of fraction; no infinities, 127 is no number.
  private static func e4m3(_ byte: UInt8) -> Float {
    let (exponent, fraction) = (Int(byte >> 3 & 15), Float(byte & 7))
    guard byte & 127 != 127 else { return .nan }
    let size =
      exponent == 0
      ? Float(sign: .plus, exponent: -9, significand: fraction)
      : Float(sign: .plus, exponent: exponent - 7, significand: 1 + fraction / 8)
    return byte & 128 == 0 ? size : -size
  }

  /// The upper half of a float32 whose lower half is zero.
  private static func bf16(_ value: Float) -> UInt16 { UInt16(truncatingIfNeeded: value.bitPattern >> 16) }
}
