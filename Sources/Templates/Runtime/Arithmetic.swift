// SPDX-License-Identifier: Apache-2.0
// Python's arithmetic on integers and floats. Integers have 64 bits here; what would need more is
// an error, never a wrong number.

import Glibc

/// Operators on numbers.
enum Arithmetic {
  static let overflow = TemplateProblem.failure("an integer beyond 64 bits")
  private static let zeroDivision = TemplateProblem.failure("division by zero")

  static func unsupported(_ sign: String, _ left: Object, _ right: Object) -> TemplateProblem {
    if case .undefined(let undefined) = left { return undefined.problem }
    if case .undefined(let undefined) = right { return undefined.problem }
    return .failure(
      "unsupported operand type(s) for \(sign): '\(left.typeName)' and '\(right.typeName)'")
  }

  static func apply(_ operation: BinaryOperator, _ left: Object, _ right: Object) throws(TemplateProblem) -> Object {
    if let a = left.intValue, let b = right.intValue { return try integers(operation, a, b) }
    guard let a = left.doubleValue, let b = right.doubleValue else {
      throw unsupported(operation == .pow ? "** or pow()" : operation.rawValue, left, right)
    }
    return .double(try doubles(operation, a, b))
  }

  private static func integers(_ operation: BinaryOperator, _ a: Int, _ b: Int) throws(TemplateProblem) -> Object {
    let result: (partialValue: Int, overflow: Bool)
    switch operation {
    case .add: result = a.addingReportingOverflow(b)
    case .sub: result = a.subtractingReportingOverflow(b)
    case .mul: result = a.multipliedReportingOverflow(by: b)
    case .div:
      if b == 0 { throw zeroDivision }
      return .double(Double(a) / Double(b))
    case .floorDiv:
      if b == 0 { throw zeroDivision }
      result = a.dividedReportingOverflow(by: b)
      if !result.overflow, a % b != 0, (a < 0) != (b < 0) { return .int(result.partialValue - 1) }
    case .mod:
      if b == 0 { throw zeroDivision }
      if b == -1 { return .int(0) }
      let rest = a % b
      return .int(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
    case .pow:
      if b < 0 { return .double(try doubles(.pow, Double(a), Double(b))) }
      return .int(try power(a, b))
    }
    if result.overflow { throw overflow }
    return .int(result.partialValue)
  }

  static func power(_ base: Int, _ exponent: Int) throws(TemplateProblem) -> Int {
    if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
    if base == -1 { return exponent % 2 == 0 ? 1 : -1 }
    var result = 1
    for _ in 0..<exponent {
      let (product, overflow) = result.multipliedReportingOverflow(by: base)
      if overflow { throw Arithmetic.overflow }
      result = product
    }
    return result
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
    guard let number = value.intValue else { throw badOperand("-", value) }
    if number == .min { throw overflow }
    return .int(-number)
  }

  static func positive(_ value: Object) throws(TemplateProblem) -> Object {
    if case .double = value { return value }
    guard let number = value.intValue else { throw badOperand("+", value) }
    return .int(number)
  }

  private static func badOperand(_ sign: String, _ value: Object) -> TemplateProblem {
    if case .undefined(let undefined) = value { return undefined.problem }
    return .failure("bad operand type for unary \(sign): '\(value.typeName)'")
  }

  // MARK: Comparing

  static func equals(_ left: Object, _ right: Object) -> Bool {
    if let a = left.intValue, let b = right.intValue { return a == b }
    guard let a = left.doubleValue, let b = right.doubleValue else { return false }
    return compare(left, right).map { $0 == 0 } ?? (a == b)
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

  /// Negative, zero or positive; nil for NaN. Integers and floats compare exactly.
  private static func compare(_ left: Object, _ right: Object) -> Int? {
    switch (left.intValue, right.intValue) {
    case (let a?, let b?): return a < b ? -1 : a == b ? 0 : 1
    case (let a?, nil): return right.doubleValue.flatMap { compare(a, $0) }
    case (nil, let b?): return left.doubleValue.flatMap { compare(b, $0) }.map { -$0 }
    case (nil, nil):
      guard let a = left.doubleValue, let b = right.doubleValue, !a.isNaN, !b.isNaN else { return nil }
      return a < b ? -1 : a == b ? 0 : 1
    }
  }

  private static func compare(_ integer: Int, _ double: Double) -> Int? {
    if double.isNaN { return nil }
    if double >= 0x1p63 { return -1 }
    if double < -0x1p63 { return 1 }
    let whole = Int(double.rounded(.down))
    if integer != whole { return integer < whole ? -1 : 1 }
    return double > double.rounded(.down) ? -1 : 0
  }
}
