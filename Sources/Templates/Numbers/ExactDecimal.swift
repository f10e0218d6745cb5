// SPDX-License-Identifier: Apache-2.0
// The decimal expansion of a float, all of it, so that rounding to any number of places is right:
// 2.675 is a little less than it looks and rounds to 2.67, as in Python.

/// The exact value of a finite float's magnitude: `0.d₁d₂d₃… × 10^point`.
struct ExactDecimal {
  /// Decimal digits, the first not zero; empty for zero.
  private(set) var digits: [UInt8]
  private(set) var point: Int

  init(_ value: Double) {
    let magnitude = value.magnitude
    guard magnitude > 0 else {
      (digits, point) = ([], 0)
      return
    }
    // magnitude = mantissa · 2^exponent, and m / 2^k = m · 5^k / 10^k.
    var mantissa = magnitude.significandBitPattern
    var exponent = Int(magnitude.exponentBitPattern) - 1075
    if magnitude.isNormal { mantissa |= 1 << 52 } else { exponent += 1 }
    let shift = mantissa.trailingZeroBitCount
    mantissa >>= shift
    exponent += shift
    var limbs = Limbs(mantissa)
    if exponent >= 0 {
      limbs.multiply(by: 2, times: exponent)
    } else {
      limbs.multiply(by: 5, times: -exponent)
    }
    digits = limbs.decimalDigits
    point = digits.count + min(exponent, 0)
    while digits.last == 0 { digits.removeLast() }
  }

  /// The value rounded to a place after (or, negative, before) the decimal point, halves to even.
  func rounded(toPlace places: Int) -> ExactDecimal {
    let kept = point + places
    if kept >= digits.count { return self }
    var result = self
    if kept < 0 {
      result.digits = []
      return result
    }
    let next = digits[kept]
    let isAboveHalf = next > 5 || (next == 5 && kept + 1 < digits.count)
    let isOdd = kept > 0 && digits[kept - 1] % 2 == 1
    result.digits = Array(digits[..<kept])
    if isAboveHalf || (next == 5 && isOdd) { result.increment() }
    while result.digits.last == 0 { result.digits.removeLast() }
    return result
  }

  /// Adds one at the last digit kept.
  private mutating func increment() {
    var index = digits.count - 1
    while index >= 0, digits[index] == 9 {
      digits[index] = 0
      index -= 1
    }
    if index >= 0 {
      digits[index] += 1
    } else {
      digits.insert(1, at: 0)
      point += 1
    }
  }

  /// Digits before and after the point, with a number of places after it.
  func fixed(places: Int) -> String {
    let value = rounded(toPlace: places)
    func digit(_ index: Int) -> Character {
      Character(Unicode.Scalar(0x30 + (value.digits.indices.contains(index) ? value.digits[index] : 0)))
    }
    var text = ""
    if value.digits.isEmpty || value.point <= 0 {
      text = "0"
    } else {
      for index in 0..<value.point { text.append(digit(index)) }
    }
    guard places > 0 else { return text }
    text.append(".")
    let point = value.digits.isEmpty ? 0 : value.point
    for place in 0..<places { text.append(digit(point + place)) }
    return text
  }

  /// One digit before the point and a number of places after it; and the exponent.
  func scientific(places: Int) -> (mantissa: String, exponent: Int) {
    if digits.isEmpty { return (places > 0 ? "0." + String(repeating: "0", count: places) : "0", 0) }
    let value = rounded(toPlace: places + 1 - point)
    var text = ""
    for index in 0...places {
      if index == 1 { text.append(".") }
      text.append(Character(Unicode.Scalar(0x30 + (index < value.digits.count ? value.digits[index] : 0))))
    }
    return (text, value.point - 1)
  }
}

/// A natural number in base 10⁹, least significant limb first.
private struct Limbs {
  private var limbs: [UInt32]
  private static let base: UInt64 = 1_000_000_000

  init(_ value: UInt64) {
    limbs = []
    var rest = value
    while rest > 0 {
      limbs.append(UInt32(rest % Limbs.base))
      rest /= Limbs.base
    }
  }

  /// Multiplies by a power of a small number, several factors at once.
  mutating func multiply(by factor: UInt64, times count: Int) {
    let (step, power): (Int, UInt64) = factor == 2 ? (29, 1 << 29) : (12, 244_140_625)
    for _ in 0..<count / step { multiply(by: power) }
    for _ in 0..<count % step { multiply(by: factor) }
  }

  private mutating func multiply(by factor: UInt64) {
    var carry: UInt64 = 0
    for index in limbs.indices {
      let product = UInt64(limbs[index]) * factor + carry
      limbs[index] = UInt32(product % Limbs.base)
      carry = product / Limbs.base
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
  }

  /// Digits from the most significant one, which is not zero.
  var decimalDigits: [UInt8] {
    var digits: [UInt8] = []
    for limb in limbs {
      var rest = limb
      for _ in 0..<9 {
        digits.append(UInt8(rest % 10))
        rest /= 10
      }
    }
    while digits.last == 0 { digits.removeLast() }
    return digits.reversed()
  }
}
