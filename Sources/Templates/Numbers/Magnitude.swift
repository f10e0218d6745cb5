// SPDX-License-Identifier: Apache-2.0
// Natural numbers in base 2³², the least significant limb first: what `BigInteger` is made of.

/// Schoolbook arithmetic on limbs. Results have no zero at the top.
enum Magnitude {
  static func isLess(_ a: [UInt32], _ b: [UInt32]) -> Bool {
    if a.count != b.count { return a.count < b.count }
    return a.reversed().lexicographicallyPrecedes(b.reversed())
  }

  static func sum(_ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    var carry: UInt64 = 0
    for index in 0..<max(a.count, b.count) {
      carry += UInt64(index < a.count ? a[index] : 0) + UInt64(index < b.count ? b[index] : 0)
      result.append(UInt32(truncatingIfNeeded: carry))
      carry >>= 32
    }
    if carry > 0 { result.append(UInt32(carry)) }
    return result
  }

  /// a - b, where a is not less than b.
  static func difference(_ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    var borrow: Int64 = 0
    for index in a.indices {
      borrow += Int64(a[index]) - Int64(index < b.count ? b[index] : 0)
      result.append(UInt32(truncatingIfNeeded: borrow))
      borrow >>= 32
    }
    return trimmed(result)
  }

  static func product(_ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    guard !a.isEmpty, !b.isEmpty else { return [] }
    var result = [UInt32](repeating: 0, count: a.count + b.count)
    for (place, digit) in a.enumerated() {
      var carry: UInt64 = 0
      for (index, other) in b.enumerated() {
        carry += UInt64(digit) * UInt64(other) + UInt64(result[place + index])
        result[place + index] = UInt32(truncatingIfNeeded: carry)
        carry >>= 32
      }
      result[place + b.count] = UInt32(carry)
    }
    return trimmed(result)
  }

  /// limbs = limbs · factor + addend.
  static func multiply(_ limbs: inout [UInt32], by factor: UInt32, adding addend: UInt32) {
    var carry = UInt64(addend)
    for index in limbs.indices {
      carry += UInt64(limbs[index]) * UInt64(factor)
      limbs[index] = UInt32(truncatingIfNeeded: carry)
      carry >>= 32
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
  }

  /// limbs = limbs / divisor; the rest.
  static func divide(_ limbs: inout [UInt32], by divisor: UInt32) -> UInt32 {
    var rest: UInt64 = 0
    for index in limbs.indices.reversed() {
      rest = rest << 32 | UInt64(limbs[index])
      limbs[index] = UInt32(rest / UInt64(divisor))
      rest %= UInt64(divisor)
    }
    limbs = trimmed(limbs)
    return UInt32(rest)
  }

  /// Knuth's algorithm D (The Art of Computer Programming, volume 2, 4.3.1). The divisor is not zero.
  static func quotient(_ a: [UInt32], _ b: [UInt32]) -> (quotient: [UInt32], rest: [UInt32]) {
    guard !isLess(a, b) else { return ([], a) }
    if b.count == 1 {
      var whole = a
      let rest = divide(&whole, by: b[0])
      return (whole, rest == 0 ? [] : [rest])
    }
    // With its highest bit set, the divisor's first two limbs foretell each digit nearly exactly.
    let shift = b[b.count - 1].leadingZeroBitCount
    let divisor = shifted(b, shift)
    var rest = shifted(a, shift)
    if rest.count == a.count { rest.append(0) }
    let count = divisor.count
    let (first, second) = (UInt64(divisor[count - 1]), UInt64(divisor[count - 2]))
    var result = [UInt32](repeating: 0, count: rest.count - count)
    for place in result.indices.reversed() {
      let top = UInt64(rest[place + count]) << 32 | UInt64(rest[place + count - 1])
      var (digit, left) = top.quotientAndRemainder(dividingBy: first)
      while digit >> 32 != 0 || digit * second > left << 32 | UInt64(rest[place + count - 2]) {
        digit -= 1
        left += first
        if left >> 32 != 0 { break }
      }
      if subtract(divisor, times: digit, from: &rest, at: place) {
        digit -= 1
        add(divisor, to: &rest, at: place)
      }
      result[place] = UInt32(truncatingIfNeeded: digit)
    }
    return (trimmed(result), shiftedDown(trimmed(rest), shift))
  }

  /// Whether the difference is negative; it is then 2^(32 · limbs) too large.
  private static func subtract(
    _ divisor: [UInt32], times digit: UInt64, from rest: inout [UInt32], at place: Int
  ) -> Bool {
    var carry: UInt64 = 0
    var borrow: Int64 = 0
    for (index, limb) in divisor.enumerated() {
      carry += digit * UInt64(limb)
      borrow += Int64(rest[place + index]) - Int64(carry & 0xFFFF_FFFF)
      rest[place + index] = UInt32(truncatingIfNeeded: borrow)
      borrow >>= 32
      carry >>= 32
    }
    borrow += Int64(rest[place + divisor.count]) - Int64(carry)
    rest[place + divisor.count] = UInt32(truncatingIfNeeded: borrow)
    return borrow < 0
  }

  private static func add(_ divisor: [UInt32], to rest: inout [UInt32], at place: Int) {
    var carry: UInt64 = 0
    for (index, limb) in divisor.enumerated() {
      carry += UInt64(rest[place + index]) + UInt64(limb)
      rest[place + index] = UInt32(truncatingIfNeeded: carry)
      carry >>= 32
    }
    rest[place + divisor.count] &+= UInt32(carry)
  }

  static func shifted(_ limbs: [UInt32], _ bits: Int) -> [UInt32] {
    guard !limbs.isEmpty, bits > 0 else { return limbs }
    var result = [UInt32](repeating: 0, count: bits / 32)
    var carry: UInt64 = 0
    for limb in limbs {
      carry |= UInt64(limb) << UInt64(bits % 32)
      result.append(UInt32(truncatingIfNeeded: carry))
      carry >>= 32
    }
    if carry > 0 { result.append(UInt32(carry)) }
    return result
  }

  static func shiftedDown(_ limbs: [UInt32], _ bits: Int) -> [UInt32] {
    guard bits / 32 < limbs.count else { return [] }
    let kept = limbs[(bits / 32)...]
    guard bits % 32 > 0 else { return Array(kept) }
    var result: [UInt32] = []
    for index in kept.indices {
      let above = index + 1 < limbs.count ? UInt64(limbs[index + 1]) << 32 : 0
      result.append(UInt32(truncatingIfNeeded: (above | UInt64(limbs[index])) >> UInt64(bits % 32)))
    }
    return trimmed(result)
  }

  private static func trimmed(_ limbs: [UInt32]) -> [UInt32] {
    var limbs = limbs
    while limbs.last == 0 { limbs.removeLast() }
    return limbs
  }
}
