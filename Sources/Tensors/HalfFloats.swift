// SPDX-License-Identifier: Apache-2.0
// The 16-bit and 8-bit floats of checkpoints, to float32 and back, one at a time. Narrowing rounds
// to nearest, ties to even; NaN stays NaN (quiet). Integer arithmetic only, so loops over these vectorise.

/// Conversions of single values.
public enum HalfFloats {
  /// bfloat16 is the upper half of a float32.
  @inlinable @inline(__always)
  public static func float(bf16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  /// float32 → bfloat16: adds half of the last place kept, less one when the result is even already.
  @inlinable @inline(__always)
  public static func bf16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16
    let quiet = bits >> 16 | 0x40
    return UInt16(truncatingIfNeeded: bits & 0x7FFF_FFFF > 0x7F80_0000 ? quiet : rounded)
  }

  /// IEEE half → float32, exact: the shifted bits are a float32 whose exponent is 112 too small.
  @inlinable @inline(__always)
  public static func float(f16 bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7FFF) << 13
    let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    let infinite = magnitude | 0x7F80_0000
    return Float(bitPattern: sign | (bits & 0x7C00 == 0x7C00 ? infinite : scaled))
  }

  /// float32 → IEEE half.
  @inlinable @inline(__always)
  public static func f16(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    let bits = value.bitPattern & 0x7FFF_FFFF
    let magnitude: UInt32
    if bits > 0x7F80_0000 {
      magnitude = 0x7E00 | (bits >> 13 & 0x3FF)
    } else if bits >= 0x4780_0000 {
      magnitude = 0x7C00
    } else if bits < 0x3880_0000 {
      // Below the smallest normal half: adding 0.5 lines the mantissa up, and the addition rounds.
      magnitude = (Float(bitPattern: bits) + 0.5).bitPattern &- Float(0.5).bitPattern
    } else {
      let odd = bits >> 13 & 1
      magnitude = (bits &- 0x3800_0000 &+ 0xFFF &+ odd) >> 13
    }
    return sign | UInt16(truncatingIfNeeded: magnitude)
  }

  /// E4M3 without infinities (OCP "fn"): bias 7, all ones is NaN.
  public static func float(f8e4m3 bits: UInt8) -> Float {
    if bits & 0x7F == 0x7F { return .nan }
    let magnitude = Float(bitPattern: UInt32(bits & 0x7F) << 20) * 0x1p120
    return bits & 0x80 == 0 ? magnitude : -magnitude
  }

  /// E5M2 is the upper half of an IEEE half.
  public static func float(f8e5m2 bits: UInt8) -> Float { float(f16: UInt16(bits) << 8) }

  /// E8M0: a power of two, 2^(bits - 127); 255 is NaN.
  public static func float(f8e8m0 bits: UInt8) -> Float {
    switch bits {
    case 255: .nan
    case 0: 0x1p-127
    default: Float(bitPattern: UInt32(bits) << 23)
    }
  }
}
