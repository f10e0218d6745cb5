// SPDX-License-Identifier: Apache-2.0
// Blocks of 256 ("K" types and IQ4_XS): sub-blocks with small integer scales under one or two halves.

extension GGUFType {
  /// 16 bytes: scale (low nibble) and minimum (high) of 16 sub-blocks; 64 bytes of 2-bit codes; f16 d,
  /// dmin. Each half of 128 takes 32 bytes, four elements a byte by shift 0, 2, 4, 6.
  /// Value d sc q - dmin mn.
  @_lifetime(values: copy values)
  static func q2K(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let (scale, least) = (half(block, 80), half(block, 82))
    for part in 0..<16 {
      let (group, shift) = (part / 8, UInt8(part % 8 / 2 * 2))
      let factor = scale * Float(block[part] & 15)
      let offset = least * Float(block[part] >> 4)
      for index in 0..<16 {
        let byte = block[16 + group * 32 + part % 2 * 16 + index]
        values[part * 16 + index] = factor * Float(byte >> shift & 3) - offset
      }
    }
  }

  /// 32 bytes of third bits; 64 bytes of 2-bit codes; 12 bytes of 16 six-bit scales, less 32; f16 d.
  /// Value d (sc - 32) (q - 4), the third bit of q being 1 where the mask's is.
  @_lifetime(values: copy values)
  static func q3K(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let scale = half(block, 108)
    for part in 0..<16 {
      let low = part < 8 ? block[96 + part] & 15 : block[96 + part - 8] >> 4
      let high = block[104 + part % 4] >> UInt8(part / 4 * 2) & 3
      let factor = scale * Float(Int(low | high << 4) - 32)
      let (group, plane) = (part / 8, part % 8 / 2)
      let mask = UInt8(1) << UInt8(group * 4 + plane)
      for index in 0..<16 {
        let column = part % 2 * 16 + index
        let code = Int(block[32 + group * 32 + column] >> UInt8(plane * 2) & 3)
        values[part * 16 + index] = factor * Float(block[column] & mask == 0 ? code - 4 : code)
      }
    }
  }

  /// Scale and minimum number `part` of the eight six-bit pairs in 12 bytes: the first four in the low
  /// six bits of bytes 0-3 and 4-7, the others as nibbles of 8-11 with the top bits of 0-3 and 4-7.
  @inline(__always)
  private static func sixBitPair(_ block: Span<UInt8>, _ start: Int, _ part: Int) -> (scale: Float, least: Float) {
    if part < 4 { return (Float(block[start + part] & 63), Float(block[start + part + 4] & 63)) }
    let nibbles = block[start + part + 4]
    return (
      Float(nibbles & 15 | (block[start + part - 4] >> 6) << 4),
      Float(nibbles >> 4 | (block[start + part] >> 6) << 4)
    )
  }

  /// f16 d, dmin; 12 bytes of scales and minima; 128 bytes, each 32 of them two sub-blocks of 32: low
  /// nibbles, then high. Value d sc q - dmin mn.
  @_lifetime(values: copy values)
  static func q4K(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let (scale, least) = (half(block, 0), half(block, 2))
    for part in 0..<8 {
      let pair = sixBitPair(block, 4, part)
      let (factor, offset) = (scale * pair.scale, least * pair.least)
      let shift = UInt8(part % 2 * 4)
      for index in 0..<32 {
        let code = block[16 + part / 2 * 32 + index] >> shift & 15
        values[part * 32 + index] = factor * Float(code) - offset
      }
    }
  }

  /// As Q4_K, with 32 bytes of fifth bits (bit `part` of byte i for element i of the sub-block).
  @_lifetime(values: copy values)
  static func q5K(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let (scale, least) = (half(block, 0), half(block, 2))
    for part in 0..<8 {
      let pair = sixBitPair(block, 4, part)
      let (factor, offset) = (scale * pair.scale, least * pair.least)
      let shift = UInt8(part % 2 * 4)
      for index in 0..<32 {
        let code = block[48 + part / 2 * 32 + index] >> shift & 15 | (block[16 + index] >> UInt8(part) & 1) << 4
        values[part * 32 + index] = factor * Float(code) - offset
      }
    }
  }

  /// 128 bytes of low nibbles, 64 of high pairs, 16 signed scales, f16 d. Each half of 128 has four
  /// runs of 32: nibbles low, low, high, high of its 64 bytes. Value d sc (q - 32).
  @_lifetime(values: copy values)
  static func q6K(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let scale = half(block, 208)
    for part in 0..<16 {
      let (group, run) = (part / 8, part % 8 / 2)
      let factor = scale * Float(Int8(bitPattern: block[192 + part]))
      for index in 0..<16 {
        let column = part % 2 * 16 + index
        let low = block[group * 64 + run % 2 * 32 + column] >> UInt8(run / 2 * 4) & 15
        let high = block[128 + group * 32 + column] >> UInt8(run * 2) & 3
        values[part * 16 + index] = factor * Float(Int(low | high << 4) - 32)
      }
    }
  }

  /// f16 d, u16 of high pairs and 4 bytes of low nibbles of eight scales; 128 bytes, 16 a sub-block:
  /// low nibbles, then high, into a table. Value d (sc - 32) table[q].
  @_lifetime(values: copy values)
  static func iq4XS(_ block: Span<UInt8>, _ values: inout MutableSpan<Float>) {
    let (scale, high, table) = (half(block, 0), bits(block, 2, 2), nonLinear)
    for part in 0..<8 {
      let low = Int(block[4 + part / 2] >> UInt8(part % 2 * 4) & 15)
      let factor = scale * Float((low | Int(high >> UInt64(part * 2) & 3) << 4) - 32)
      for index in 0..<16 {
        let byte = block[8 + part * 16 + index]
        values[part * 32 + index] = factor * table[Int(byte & 15)]
        values[part * 32 + index + 16] = factor * table[Int(byte >> 4)]
      }
    }
  }
}
