// SPDX-License-Identifier: Apache-2.0
// Python's arithmetic on integers and floats. Integers are machine words as long as they fit, and `BigInteger` beyond.

import Glibc

/// Operators on numbers.
enum Arithmetic {
  private static let zeroDivision = TemplateProblem.failure("division by zero")

  static func unsupported(_ sign: String, _ left: Object, _ right: Object) -> TemplateProblem {
    if case .undefined(let undefined) = left { return undefined.problem }
    if case .undefined(let undefined) = right { return undefined.problem }
    return .failure(
      "unsupported operand type(s) for \(sign): '\(left.typeName)' and '\(right.typeName)'")
  }

  static func apply(_ operation: BinaryOperator, _ left: Object, _ right: Object) throws(TemplateProblem) -> Object {
    if let a = left.intValue, let b = right.intValue, let result = try words(operation, a, b) { return result }
    if let a = left.wholeValue, let b = right.wholeValue { return try integers(operation, a, b) }
    guard let a = left.doubleValue, let b = right.doubleValue else {
      throw unsupported(operation == .pow ? "** or pow()" : operation.rawValue, left, right)
    }
    try checkSize(left, right)
    return .double(try doubles(operation, a, b))
  }

  /// Python turns integers into floats only where they fit.
  private static func checkSize(_ numbers: Object...) throws(TemplateProblem) {
    for case .big(let value) in numbers where value.double.isInfinite {
      throw .failure("int too large to convert to float")
    }
  }

  /// The result on machine words; nil when it needs more.
  private static func words(_ operation: BinaryOperator, _ a: Int, _ b: Int) throws(TemplateProblem) -> Object? {
    let result: (partialValue: Int, overflow: Bool)
    switch operation {
    case .add: result = a.addingReportingOverflow(b)
    case .sub: result = a.subtractingReportingOverflow(b)
    case .mul: result = a.multipliedReportingOverflow(by: b)
    case .div:
      if b == 0 { throw zeroDivision }
      // Both are exact as doubles, so that one rounding is right.
      return max(a.magnitude, b.magnitude) <= 1 << 53 ? .double(Double(a) / Double(b)) : nil
    case .floorDiv:
      if b == 0 { throw zeroDivision }
      result = a.dividedReportingOverflow(by: b)
      if !result.overflow, a % b != 0, (a < 0) != (b < 0) { return .int(result.partialValue - 1) }
    case .mod:
      if b == 0 { throw zeroDivision }
      if b == -1 { return .int(0) }
      let rest = a % b
      return .int(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
    case .pow: return nil
    }
    return result.overflow ? nil : .int(result.partialValue)
  }

  private static func integers(
    _ operation: BinaryOperator, _ a: BigInteger, _ b: BigInteger
  ) throws(TemplateProblem) -> Object {
    switch operation {
    case .add: return .integer(a + b)
    case .sub: return .integer(a - b)
    case .mul: return .integer(try a * b)
    case .div:
      if b.isZero { throw zeroDivision }
      let quotient = a.divided(by: b)
      if quotient.isInfinite { throw .failure("integer division result too large for a float") }
      return .double(quotient)
    case .floorDiv, .mod:
      if b.isZero { throw zeroDivision }
      let (quotient, rest) = a.dividedDown(by: b)
      return .integer(operation == .mod ? rest : quotient)
    case .pow:
      if b.isNegative {
        try checkSize(.integer(a), .integer(b))
        return .double(try doubles(.pow, a.double, b.double))
      }
      guard let exponent = b.small ?? (a.bitLength <= 1 ? (b.isOdd ? 1 : 2) : nil) else { throw BigInteger.tooLarge }
      return .integer(try a.power(exponent))
    }
  }

  /// What an operation on integers beyond machine words takes, in steps; 0 for all others.
  static func cost(_ operation: BinaryOperator, _ left: Object, _ right: Object) -> Int {
    if operation == .pow, let base = left.wholeValue, let exponent = right.intValue, exponent > 1 {
      let most = BigInteger.maximumBits
      let limbs = (exponent > most ? most : min(base.bitLength * exponent, most)) / 32
      return limbs * limbs >> 2
    }
    func limbs(_ object: Object) -> Int { if case .big(let value) = object { value.limbs.count } else { 1 } }
    let (a, b) = (limbs(left), limbs(right))
    return a * b > 1 ? a * b >> 2 + a + b : 0
  }

  private static func doubles(_ operation: BinaryOperator, _ a: Double, _ b: Double) throws(TemplateProblem) -> Double {
    switch operation {
    case .add: return a + b
    case .sub: return a - b
    case .mul: return a * b
    case .div:
      if b == 0 { throw zeroDivision }
      return a / b
    case .floorDiv: return try divided(a, b).quotient
    case .mod: return try divided(a, b).rest
    case .pow:
      if a == 0, b < 0 { throw .failure("0.0 cannot be raised to a negative power") }
      if a < 0, b.isFinite, b.rounded() != b { throw .failure("complex numbers are not supported") }
      let result = Glibc.pow(a, b)
      if result.isInfinite, a.isFinite, b.isFinite { throw .failure("numerical result out of range") }
      return result
    }
  }

  /// CPython's `float_divmod`.
  private static func divided(_ a: Double, _ b: Double) throws(TemplateProblem) -> (quotient: Double, rest: Double) {
    if b == 0 { throw zeroDivision }
    var rest = a.truncatingRemainder(dividingBy: b)
    var quotient = (a - rest) / b
    if rest != 0 {
      if (b < 0) != (rest < 0) {
        rest += b
        quotient -= 1
      }
    } else {
      rest = Double(signOf: b, magnitudeOf: 0)
    }
    if quotient != 0 {
      let floor = quotient.rounded(.down)
      quotient = quotient - floor > 0.5 ? floor + 1 : floor
    } else {
      quotient = Double(signOf: a / b, magnitudeOf: 0)
    }
    return (quotient, rest)
  }

  static func negative(_ value: Object) throws(TemplateProblem) -> Object {
    if case .double(let number) = value { return .double(-number) }
    if let number = value.intValue, number != .min { return .int(-number) }
    guard let number = value.wholeValue else { throw badOperand("-", value) }
    return .integer(-number)
  }

  static func positive(_ value: Object) throws(TemplateProblem) -> Object {
    if case .double = value { return value }
    guard let number = value.wholeValue else { throw badOperand("+", value) }
    return .integer(number)
  }

  private static func badOperand(_ sign: String, _ value: Object) -> TemplateProblem {
    if case .undefined(let undefined) = value { return undefined.problem }
    return .failure("bad operand type for unary \(sign): '\(value.typeName)'")
  }

  // MARK: Comparing

  static func equals(_ left: Object, _ right: Object) -> Bool {
    compare(left, right).map { $0 == 0 } ?? false
  }

  static func isLess(_ left: Object, _ right: Object, _ sign: String) throws(TemplateProblem) -> Bool {
    try check(left, right, sign)
    return compare(left, right).map { $0 < 0 } ?? false
  }

  static func isLessOrEqual(_ left: Object, _ right: Object, _ sign: String) throws(TemplateProblem) -> Bool {
    try check(left, right, sign)
    return compare(left, right).map { $0 <= 0 } ?? false
  }

  private static func check(_ left: Object, _ right: Object, _ sign: String) throws(TemplateProblem) {
    if left.doubleValue != nil, right.doubleValue != nil { return }
    if case .undefined(let undefined) = left { throw undefined.problem }
    if case .undefined(let undefined) = right { throw undefined.problem }
    let (first, second) = sign.hasPrefix(">") ? (right, left) : (left, right)
    throw .failure(
      "'\(sign)' not supported between instances of '\(first.typeName)' and '\(second.typeName)'")
  }

  /// Negative, zero or positive; nil for NaN and for what is no number. Integers and floats compare exactly.
  private static func compare(_ left: Object, _ right: Object) -> Int? {
    switch (left, right) {
    case (.double(let a), .double(let b)):
      return a < b ? -1 : a > b ? 1 : a == b ? 0 : nil
    case (.double(let a), _): return right.wholeValue.flatMap { compare($0, a) }.map { -$0 }
    case (_, .double(let b)): return left.wholeValue.flatMap { compare($0, b) }
    default: break
    }
    if let a = left.intValue, let b = right.intValue { return a < b ? -1 : a == b ? 0 : 1 }
    guard let a = left.wholeValue, let b = right.wholeValue else { return nil }
    return a < b ? -1 : a == b ? 0 : 1
  }

  private static func compare(_ integer: BigInteger, _ double: Double) -> Int? {
    if double.isNaN { return nil }
    if double.isInfinite { return double > 0 ? -1 : 1 }
    let whole = BigInteger(truncating: double.rounded(.down))
    if integer != whole { return integer < whole ? -1 : 1 }
    return double > double.rounded(.down) ? -1 : 0
  }
}
