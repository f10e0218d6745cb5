// SPDX-License-Identifier: Apache-2.0
// Integers of any size, as Python has them: sign and magnitude, by the schoolbook's methods. Templates rarely leave 64
// bits, so this is short rather than fast; `Arithmetic` asks for it only where a machine word does not do.

/// An integer of up to ``BigInteger/maximumBits`` bits.
struct BigInteger: Hashable, Sendable {
  /// Never true for zero.
  let isNegative: Bool
  /// Digits in base 2³², the least significant first, the last one not zero; empty for zero.
  let limbs: [UInt32]

  /// Templates come from anybody: larger integers are refused.
  static let maximumBits = 1 << 16

  init(isNegative: Bool, limbs: [UInt32]) {
    var limbs = limbs
    while limbs.last == 0 { limbs.removeLast() }
    self.limbs = limbs
    self.isNegative = isNegative && !limbs.isEmpty
  }

  init(_ value: Int) { self.init(isNegative: value < 0, magnitude: UInt64(value.magnitude)) }

  private init(isNegative: Bool, magnitude: UInt64) {
    self.init(
      isNegative: isNegative,
      limbs: [UInt32(truncatingIfNeeded: magnitude), UInt32(truncatingIfNeeded: magnitude >> 32)])
  }

  /// The integer that a finite number is when its fraction is cut off.
  init(truncating value: Double) {
    let whole = value.magnitude.rounded(.towardZero)
    let shift = whole < 1 ? 0 : max(0, Int(whole.exponent) - 52)
    let significand = UInt64(Double(sign: .plus, exponent: -shift, significand: whole))
    let unshifted = BigInteger(isNegative: false, magnitude: significand)
    self.init(isNegative: value < 0, limbs: Magnitude.shifted(unshifted.limbs, shift))
  }

  /// Digits in a base of 2 to 36, without sign; nil when there are none or one is not of the base.
  init?(isNegative: Bool = false, digits: some Sequence<UInt8>, radix: Int) throws(TemplateProblem) {
    var limbs: [UInt32] = []
    // As many digits as fit a limb are taken together.
    var (part, factor, isEmpty) = (UInt32(0), UInt32(1), true)
    for byte in digits {
      let digit = Text.digitValue(byte)
      guard digit < radix else { return nil }
      (part, factor, isEmpty) = (part * UInt32(radix) + UInt32(digit), factor * UInt32(radix), false)
      guard factor > UInt32.max / UInt32(radix) else { continue }
      Magnitude.multiply(&limbs, by: factor, adding: part)
      (part, factor) = (0, 1)
      guard limbs.count <= BigInteger.maximumBits / 32 else { throw BigInteger.tooLarge }
    }
    if isEmpty { return nil }
    Magnitude.multiply(&limbs, by: factor, adding: part)
    self.init(isNegative: isNegative, limbs: limbs)
  }

  static let tooLarge = TemplateProblem.exceeded(.memory, "an integer has more than \(maximumBits) bits")

  /// Decimal digits that Python reads and writes at most (`sys.set_int_max_str_digits`).
  static let maximumDigits = 4300

  static func tooManyDigits(_ count: Int? = nil) -> TemplateProblem {
    .failure(
      "Exceeds the limit (\(maximumDigits) digits) for integer string conversion"
        + (count.map { ": value has \($0) digits" } ?? "") + "; use sys.set_int_max_str_digits() to increase the limit")
  }

  // MARK: Reading

  var isZero: Bool { limbs.isEmpty }

  var bitLength: Int { limbs.last.map { limbs.count * 32 - $0.leadingZeroBitCount } ?? 0 }

  /// Bits that are 1 in the magnitude.
  var bitCount: Int { limbs.reduce(0) { $0 + $1.nonzeroBitCount } }

  var isOdd: Bool { limbs.first.map { $0 & 1 == 1 } ?? false }

  /// The value where it fits a machine word.
  var small: Int? {
    guard limbs.count <= 2 else { return nil }
    let magnitude = limbs.reversed().reduce(UInt64(0)) { $0 << 32 | UInt64($1) }
    if isNegative { return magnitude <= 1 << 63 ? Int(truncatingIfNeeded: 0 &- magnitude) : nil }
    return Int(exactly: magnitude)
  }

  /// The nearest double, halves to even; infinite where it is too large.
  var double: Double { Fraction.double(limbs, remainder: false, exponent: 0, isNegative: isNegative) }

  /// The digits of the magnitude.
  func digits(radix: Int = 10, uppercase: Bool = false) -> String {
    guard !isZero else { return "0" }
    // As many digits at once as fit a limb.
    var (step, count) = (UInt32(radix), 1)
    while case let (product, overflow) = step.multipliedReportingOverflow(by: UInt32(radix)), !overflow {
      (step, count) = (product, count + 1)
    }
    var parts: [String] = []
    var rest = limbs
    while !rest.isEmpty {
      let part = String(Magnitude.divide(&rest, by: step), radix: radix, uppercase: uppercase)
      parts.append(rest.isEmpty ? part : String(repeating: "0", count: count - part.utf8.count) + part)
    }
    return parts.reversed().joined()
  }

  // MARK: Operators

  static prefix func - (value: BigInteger) -> BigInteger {
    BigInteger(isNegative: !value.isNegative, limbs: value.limbs)
  }

  static func + (a: BigInteger, b: BigInteger) -> BigInteger {
    if a.isNegative == b.isNegative {
      return BigInteger(isNegative: a.isNegative, limbs: Magnitude.sum(a.limbs, b.limbs))
    }
    return Magnitude.isLess(a.limbs, b.limbs)
      ? BigInteger(isNegative: b.isNegative, limbs: Magnitude.difference(b.limbs, a.limbs))
      : BigInteger(isNegative: a.isNegative, limbs: Magnitude.difference(a.limbs, b.limbs))
  }

  static func - (a: BigInteger, b: BigInteger) -> BigInteger { a + -b }

  static func * (a: BigInteger, b: BigInteger) throws(TemplateProblem) -> BigInteger {
    guard a.bitLength + b.bitLength <= maximumBits else { throw tooLarge }
    return BigInteger(isNegative: a.isNegative != b.isNegative, limbs: Magnitude.product(a.limbs, b.limbs))
  }

  /// Python's `//` and `%`: the quotient rounds down, the rest has the divisor's sign. The divisor is not zero.
  func dividedDown(by divisor: BigInteger) -> (quotient: BigInteger, rest: BigInteger) {
    let (whole, part) = Magnitude.quotient(limbs, divisor.limbs)
    let quotient = BigInteger(isNegative: isNegative != divisor.isNegative, limbs: whole)
    let rest = BigInteger(isNegative: isNegative, limbs: part)
    guard !rest.isZero, isNegative != divisor.isNegative else { return (quotient, rest) }
    return (quotient - BigInteger(1), rest + divisor)
  }

  /// Python's `/`: the double nearest to the true quotient; infinite where it is too large. The divisor is not zero.
  func divided(by divisor: BigInteger) -> Double {
    // So many bits more in the dividend that the quotient has 64 at least.
    let shift = divisor.bitLength - bitLength + 65
    let (whole, rest) = Magnitude.quotient(
      Magnitude.shifted(limbs, max(shift, 0)), Magnitude.shifted(divisor.limbs, max(-shift, 0)))
    return Fraction.double(
      whole, remainder: !rest.isEmpty, exponent: -shift, isNegative: isNegative != divisor.isNegative)
  }

  func power(_ exponent: Int) throws(TemplateProblem) -> BigInteger {
    // What has one bit (0, 1, -1) does not grow; everything else does with each factor.
    guard bitLength <= 1 || exponent <= BigInteger.maximumBits / (bitLength - 1) else { throw BigInteger.tooLarge }
    guard bitLength > 1 else {
      return exponent == 0 || (isNegative && exponent % 2 == 0) ? BigInteger(1) : self
    }
    var (result, square, rest) = (BigInteger(1), self, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result = try result * square }
      rest >>= 1
      if rest > 0 { square = try square * square }
    }
    return result
  }
}

extension BigInteger: Comparable {
  static func < (a: BigInteger, b: BigInteger) -> Bool {
    if a.isNegative != b.isNegative { return a.isNegative }
    return a.isNegative ? Magnitude.isLess(b.limbs, a.limbs) : Magnitude.isLess(a.limbs, b.limbs)
  }
}

/// Natural numbers in base 2³² to the nearest double.
private enum Fraction {
  /// `limbs · 2^exponent`, plus something less than one unit of it when there is a remainder; halves to even.
  static func double(_ limbs: [UInt32], remainder: Bool, exponent: Int, isNegative: Bool) -> Double {
    guard let last = limbs.last else { return isNegative ? -0.0 : 0 }
    let length = limbs.count * 32 - last.leadingZeroBitCount
    // 53 bits are kept, fewer of a number below the normal ones.
    let kept = min(53, length + exponent + 1074)
    let dropped = length - kept
    guard dropped > 0 else {
      let whole = limbs.reversed().reduce(UInt64(0)) { $0 << 32 | UInt64($1) }
      return scaled(whole, exponent, isNegative)
    }
    guard kept >= 0 else { return isNegative ? -0.0 : 0 }
    let top = Magnitude.shiftedDown(limbs, dropped)
    var whole = top.reversed().reduce(UInt64(0)) { $0 << 32 | UInt64($1) }
    let half = dropped - 1
    let isHalf = limbs[half / 32] >> UInt32(half % 32) & 1 == 1
    let isMore =
      remainder || limbs[..<(half / 32)].contains { $0 != 0 }
      || limbs[half / 32] & ((1 << UInt32(half % 32)) - 1) != 0
    if isHalf, isMore || whole & 1 == 1 { whole += 1 }
    return scaled(whole, exponent + dropped, isNegative)
  }

  /// `whole · 2^exponent`, of at most 53 bits; the product is exact or too large.
  private static func scaled(_ whole: UInt64, _ exponent: Int, _ isNegative: Bool) -> Double {
    Double(sign: isNegative ? .minus : .plus, exponent: exponent, significand: Double(whole))
  }
}
