// SPDX-License-Identifier: Apache-2.0
// Blocks of 32 and plain types to float32: what each block means, in the words of ggml-quants.c.
// Arithmetic is in float32 and in ggml's order, so the results are equal to the reference bit for bit.

import Tensors

extension GGUFType {
  /// Dequantizes whole blocks.
  /// - Parameters:
  ///   - source: blocks, `blockByteCount` bytes each.
  ///   - target: `blockSize` floats for each block.
  /// - Precondition: both hold the same number of blocks.
  @_lifetime(target: copy target)
  public func dequantize(_ source: Span<UInt8>, into target: inout MutableSpan<Float>) {
    let blocks = source.count / blockByteCount
    precondition(source.count == blocks * blockByteCount && target.count == blocks * blockSize, "uneven blocks")
    switch self {
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64: plain(source, &target)
    default:
      for index in 0..<blocks {
        let block = source.extracting(index * blockByteCount..<(index + 1) * blockByteCount)
        var values = target._mutatingExtracting(index * blockSize..<(index + 1) * blockSize)
        dequantizeBlock(block, &values)
      }
    }
  }

  @inline(__always)
  @_lifetime(values: copy values)
  private func dequantizeBlock(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    switch self {
    case .q4_0: Self.q4_0(block, &values)
    case .q4_1: Self.q4_1(block, &values)
    case .q5_0: Self.q5_0(block, &values)
    case .q5_1: Self.q5_1(block, &values)
    case .q8_0: Self.q8_0(block, &values)
    case .iq4NL: Self.iq4NL(block, &values)
    case .mxfp4: Self.mxfp4(block, &values)
    case .q2K: Self.q2K(block, &values)
    case .q3K: Self.q3K(block, &values)
    case .q4K: Self.q4K(block, &values)
    case .q5K: Self.q5K(block, &values)
    case .q6K: Self.q6K(block, &values)
    case .iq4XS: Self.iq4XS(block, &values)
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64: break
    }
  }

  @_lifetime(target: copy target)
  private func plain(_ source: Span<UInt8>, _ target: inout MutableSpan<Float>) {
    for index in 0..<target.count {
      switch self {
      case .f32: target[index] = Float(bitPattern: UInt32(truncatingIfNeeded: Self.bits(source, index * 4, 4)))
      case .f16: target[index] = Self.half(source, index * 2)
      case .bf16: target[index] = HalfFloats.float(bf16: UInt16(truncatingIfNeeded: Self.bits(source, index * 2, 2)))
      case .f64: target[index] = Float(Double(bitPattern: Self.bits(source, index * 8, 8)))
      case .i8: target[index] = Float(Int8(bitPattern: source[index]))
      case .i16: target[index] = Float(Int16(truncatingIfNeeded: Self.bits(source, index * 2, 2)))
      case .i32: target[index] = Float(Int32(truncatingIfNeeded: Self.bits(source, index * 4, 4)))
      default: target[index] = Float(Int64(bitPattern: Self.bits(source, index * 8, 8)))
      }
    }
  }

  /// `size` bytes, least significant first.
  @inline(__always)
  static func bits(_ bytes: Span<UInt8>, _ offset: Int, _ size: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<size { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
    return value
  }

  /// The IEEE half at an offset.
  @inline(__always)
  static func half(_ bytes: Span<UInt8>, _ offset: Int) -> Float {
    HalfFloats.float(f16: UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8)
  }

  /// f16 d; 16 bytes: low nibbles are elements 0-15, high nibbles 16-31. Value d (q - 8).
  @_lifetime(values: copy values)
  static func q4_0(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let scale = half(block, 0)
    for index in 0..<16 {
      let byte = block[2 + index]
      values[index] = Float(Int(byte & 15) - 8) * scale
      values[index + 16] = Float(Int(byte >> 4) - 8) * scale
    }
  }

  /// f16 d, f16 m; nibbles as in Q4_0. Value d q + m.
  @_lifetime(values: copy values)
  static func q4_1(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let (scale, least) = (half(block, 0), half(block, 2))
    for index in 0..<16 {
      let byte = block[4 + index]
      values[index] = Float(byte & 15) * scale + least
      values[index + 16] = Float(byte >> 4) * scale + least
    }
  }

  /// f16 d; u32 of fifth bits, bit i for element i; nibbles as in Q4_0. Value d (q - 16).
  @_lifetime(values: copy values)
  static func q5_0(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let (scale, high) = (half(block, 0), bits(block, 2, 4))
    for index in 0..<16 {
      let byte = block[6 + index]
      let low = Int(byte & 15) | Int(high >> UInt64(index) & 1) << 4
      let up = Int(byte >> 4) | Int(high >> UInt64(index + 16) & 1) << 4
      values[index] = Float(low - 16) * scale
      values[index + 16] = Float(up - 16) * scale
    }
  }

  /// f16 d, f16 m; u32 of fifth bits; nibbles. Value d q + m.
  @_lifetime(values: copy values)
  static func q5_1(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let (scale, least, high) = (half(block, 0), half(block, 2), bits(block, 4, 4))
    for index in 0..<16 {
      let byte = block[8 + index]
      let low = Int(byte & 15) | Int(high >> UInt64(index) & 1) << 4
      let up = Int(byte >> 4) | Int(high >> UInt64(index + 16) & 1) << 4
      values[index] = Float(low) * scale + least
      values[index + 16] = Float(up) * scale + least
    }
  }

  /// f16 d; 32 signed bytes. Value d q.
  @_lifetime(values: copy values)
  static func q8_0(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let scale = half(block, 0)
    for index in 0..<32 { values[index] = Float(Int8(bitPattern: block[2 + index])) * scale }
  }

  /// The sixteen values of the non-linear 4-bit types.
  static let nonLinear: [16 of Float] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]

  /// f16 d; nibbles as in Q4_0 index a table. Value d table[q].
  @_lifetime(values: copy values)
  static func iq4NL(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let (scale, table) = (half(block, 0), nonLinear)
    for index in 0..<16 {
      let byte = block[2 + index]
      values[index] = scale * table[Int(byte & 15)]
      values[index + 16] = scale * table[Int(byte >> 4)]
    }
  }

  /// E2M1 values, doubled.
  static let e2m1Doubled: [16 of Float] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

  /// E8M0 exponent; nibbles as in Q4_0 index a table of doubled values, so the scale is halved.
  @_lifetime(values: copy values)
  static func mxfp4(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let exponent = UInt32(block[0])
    let scale = Float(bitPattern: exponent < 2 ? 0x0020_0000 << exponent : (exponent - 1) << 23)
    let table = e2m1Doubled
    for index in 0..<16 {
      let byte = block[1 + index]
      values[index] = table[Int(byte & 15)] * scale
      values[index + 16] = table[Int(byte >> 4)] * scale
    }
  }
}
