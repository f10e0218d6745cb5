// SPDX-License-Identifier: Apache-2.0
// Filters that make or change numbers.

extension Filters {
  static let numbers: [String: Filter] = [
    "int": { (renderer, value, arguments) throws(TemplateProblem) in try integer(renderer, value, arguments) },
    "float": { (renderer, value, arguments) throws(TemplateProblem) in
      let fallback = try arguments.bind("float", ["default"])[0] ?? .double(0)
      switch value {
      case .undefined(let undefined): throw undefined.problem
      case .string(let text):
        try visit(text, renderer)
        return NumberReading.double(text).map { .double($0) } ?? fallback
      default:
        if case .big(let whole) = value { try renderer.charge(32 + whole.limbs.count) }
        guard let number = value.doubleValue else { return fallback }
        if case .big = value, number.isInfinite { throw .failure("int too large to convert to float") }
        return .double(number)
      }
    },
    "abs": { (_, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("abs")
      switch value {
      case .double(let number): return .double(number.magnitude)
      case .int, .big, .bool:
        guard let number = value.wholeValue else { return value }
        return .integer(number.isNegative ? -number : number)
      default: throw .failure("bad operand type for abs(): '\(value.typeName)'")
      }
    },
    "round": { (renderer, value, arguments) throws(TemplateProblem) in try round(renderer, value, arguments) },
    "filesizeformat": { (renderer, value, arguments) throws(TemplateProblem) in
      try fileSize(renderer, value, arguments)
    },
  ]

  private static func integer(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("int", ["default", "base"])
    let fallback = values[0] ?? .int(0)
    switch value {
    case .undefined(let undefined): throw undefined.problem
    case .string(let text):
      try visit(text, renderer)
      if let number = try NumberReading.integer(text, base: try values[1].integer(or: 10)) {
        try renderer.charge(number.limbs.count * number.limbs.count >> 2)
        return .integer(number)
      }
      guard let number = NumberReading.double(text), number.isFinite else { return fallback }
      return whole(number)
    case .double(let number):
      if number.isNaN { return fallback }
      guard number.isFinite else { throw .failure("cannot convert float infinity to integer") }
      return whole(number)
    default: return value.wholeValue.map { .integer($0) } ?? fallback
    }
  }

  /// Counts reading a text as a number, which takes several passes.
  private static func visit(_ text: Text, _ renderer: Renderer) throws(TemplateProblem) {
    try renderer.charge(text.isASCII ? text.count >> 1 : text.count * 8)
  }

  /// A finite number without its fraction.
  private static func whole(_ number: Double) -> Object { .integer(BigInteger(truncating: number)) }

  private static func round(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("round", ["precision", "method"])
    let places = try values[0].integer(or: 0)
    let method = try values[1]?.text("round").string ?? "common"
    guard ["common", "ceil", "floor"].contains(method) else {
      throw .failure("method must be common, ceil or floor")
    }
    if method == "common" {
      if case .double(let number) = value {
        try renderer.charge(128)
        return .double(rounded(number, places))
      }
      guard let number = value.wholeValue else {
        throw .failure("type \(value.typeName) doesn't define __round__ method")
      }
      return try rounded(renderer, number, places)
    }
    let factor = try renderer.apply(.pow, .int(10), .int(places))
    let scaled = try renderer.apply(.mul, value, factor)
    guard case .double(let number) = scaled else { return try renderer.apply(.div, scaled, factor) }
    guard number.isFinite else { throw .failure("cannot convert float infinity to integer") }
    return try renderer.apply(.div, whole(method == "ceil" ? number.rounded(.up) : number.rounded(.down)), factor)
  }

  /// Rounds the exact value, halves to even.
  private static func rounded(_ number: Double, _ places: Int) -> Double {
    guard number.isFinite, number != 0, places <= 324 else { return number }
    if places < -309 { return Double(signOf: number, magnitudeOf: 0) }
    let decimal = ExactDecimal(number).rounded(toPlace: places)
    let digits = String(decoding: decimal.digits.map { $0 + 0x30 }, as: UTF8.self)
    let magnitude = digits.isEmpty ? 0 : Double("0.\(digits)e\(decimal.point)") ?? number.magnitude
    return Double(signOf: number, magnitudeOf: magnitude)
  }

  /// Rounds an integer to tens, hundreds and so on, halves to even.
  private static func rounded(
    _ renderer: Renderer, _ number: BigInteger, _ places: Int
  ) throws(TemplateProblem) -> Object {
    // A unit of ten times the number's digits leaves nothing of it.
    guard places < 0 else { return .integer(number) }
    guard places > -(number.bitLength / 3 + 2) else { return .int(0) }
    try renderer.charge(number.limbs.count * number.limbs.count >> 2)
    let unit = try BigInteger(10).power(-places)
    let (quotient, rest) = number.dividedDown(by: unit)
    let down = number - rest
    let twice = rest + rest
    return .integer(twice > unit || (twice == unit && quotient.isOdd) ? down + unit : down)
  }

  private static func fileSize(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let isBinary = try arguments.bind("filesizeformat", ["binary"])[0].isTrue(or: false)
    let number = value.textValue.flatMap(NumberReading.double) ?? value.doubleValue
    guard let bytes = number else {
      if case .undefined(let undefined) = value { throw undefined.problem }
      throw .failure("could not convert \(value.typeName) to float")
    }
    let base = isBinary ? 1024.0 : 1000.0
    if bytes == 1 { return .string("1 Byte") }
    if bytes < base { return .string("\(try renderer.text(of: whole(bytes)).string) Bytes") }
    let prefixes = ["k", "M", "G", "T", "P", "E", "Z", "Y"]
    var unit = base
    var place = 0
    while place < prefixes.count - 1, bytes >= unit * base {
      unit *= base
      place += 1
    }
    let prefix = isBinary ? prefixes[place].uppercased() + "iB" : prefixes[place] + "B"
    return .string(ExactDecimal(base * bytes / (unit * base)).fixed(places: 1) + " " + prefix)
  }
}
