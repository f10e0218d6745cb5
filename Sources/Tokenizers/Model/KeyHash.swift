// SPDX-License-Identifier: Apache-2.0
// A hash of short byte strings in the manner of wyhash: eight bytes a step. Its seed differs in each process,
// so that neither a file nor a text can be made whose entries all collide.

/// Hashing of keys in tables of this module.
enum KeyHash {
  private static let seed = UInt64.random(in: .min ... .max)

  /// The hash of `count` bytes from `start` on.
  @inline(__always)
  static func of(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
    let raw = unsafe bytes.bytes
    var state = seed ^ UInt64(truncatingIfNeeded: count) &* 0xA076_1D64_78BD_642F
    var offset = start
    var left = count
    while left > 16 {
      let low = unsafe raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let high = unsafe raw.unsafeLoadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
      state = mix(low ^ state, high ^ 0xE703_7ED1_A0B4_28DB)
      offset += 16
      left -= 16
    }
    let (low, high) = tail(raw, offset, left)
    return mix(low ^ state, high ^ 0x8EBC_6AF0_9C88_C6E3)
  }

  /// The hash of a number.
  @inline(__always)
  static func of(_ value: UInt64) -> UInt64 { mix(value ^ seed, 0x9E37_79B9_7F4A_7C15) }

  /// Up to 16 bytes as two numbers; loads overlap instead of going byte by byte.
  @inline(__always)
  private static func tail(_ raw: RawSpan, _ offset: Int, _ count: Int) -> (UInt64, UInt64) {
    if count >= 8 {
      return unsafe (
        raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self),
        raw.unsafeLoadUnaligned(fromByteOffset: offset + count - 8, as: UInt64.self)
      )
    }
    if count >= 4 {
      return unsafe (
        UInt64(raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)),
        UInt64(raw.unsafeLoadUnaligned(fromByteOffset: offset + count - 4, as: UInt32.self))
      )
    }
    guard count > 0 else { return (0, 0) }
    let first = unsafe raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    let middle = unsafe raw.unsafeLoadUnaligned(fromByteOffset: offset + count / 2, as: UInt8.self)
    let last = unsafe raw.unsafeLoadUnaligned(fromByteOffset: offset + count - 1, as: UInt8.self)
    return (UInt64(first) << 16 | UInt64(middle) << 8 | UInt64(last), 0)
  }

  @inline(__always)
  private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}

extension Span<UInt8> {
  /// Whether `count` bytes from `start` are those of `other` from `otherStart`.
  @inline(__always)
  func matches(_ start: Int, _ other: Span<UInt8>, _ otherStart: Int, _ count: Int) -> Bool {
    var offset = 0
    let (left, right) = unsafe (bytes, other.bytes)
    while offset + 8 <= count {
      let a = unsafe left.unsafeLoadUnaligned(fromByteOffset: start + offset, as: UInt64.self)
      let b = unsafe right.unsafeLoadUnaligned(fromByteOffset: otherStart + offset, as: UInt64.self)
      if a != b { return false }
      offset += 8
    }
    while offset < count {
      if self[start + offset] != other[otherStart + offset] { return false }
      offset += 1
    }
    return true
  }
}
