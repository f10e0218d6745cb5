// SPDX-License-Identifier: Apache-2.0
// `'%s has %5.2f' % (name, value)`.

/// Python's `%` formatting.
struct PercentFormat {
  private let format: Text
  private let renderer: Renderer
  private let arguments: [Object]
  private let mapping: DictObject?
  /// Python takes whatever can be subscripted for a mapping, and lets it go unused.
  private let mayBeUnused: Bool
  private var used = 0
  private var offset = 0
  private var buffer = TextBuffer()

  /// `format % values`, where the values are a tuple, a dictionary for `%(name)s`, or one value.
  static func format(_ format: Text, _ values: Object, _ renderer: Renderer) throws(TemplateProblem) -> Text {
    try renderer.visit(format)
    var run = PercentFormat(format, values, renderer)
    try run.run()
    return run.buffer.text.marked(format.isMarkup)
  }

  private init(_ format: Text, _ values: Object, _ renderer: Renderer) {
    self.format = format
    self.renderer = renderer
    if case .tuple(let tuple) = values { arguments = tuple.items } else { arguments = [values] }
    if case .dict(let dict) = values { mapping = dict } else { mapping = nil }
    switch values {
    case .dict, .list, .range, .undefined: mayBeUnused = true
    default: mayBeUnused = false
    }
  }

  private mutating func run() throws(TemplateProblem) {
    while offset < format.bytes.count {
      let byte = format.bytes[offset]
      offset += 1
      if byte == UInt8(ascii: "%") {
        let piece = try conversion()
        try renderer.charge(piece.bytes.count)
        buffer.append(piece)
        guard buffer.bytes.count <= renderer.limits.textSize else {
          throw .exceeded(.textSize, "the template makes a text of more than \(renderer.limits.textSize) bytes")
        }
      } else {
        buffer.appendByte(byte)
      }
    }
    if used < arguments.count, !mayBeUnused {
      throw .failure("not all arguments converted during string formatting")
    }
  }

  private func peek() throws(TemplateProblem) -> UInt8 {
    guard offset < format.bytes.count else { throw .failure("incomplete format") }
    return format.bytes[offset]
  }

  private mutating func next() throws(TemplateProblem) -> Object {
    guard used < arguments.count else { throw .failure("not enough arguments for format string") }
    used += 1
    return arguments[used - 1]
  }

  /// One `%` conversion, from after the sign.
  private mutating func conversion() throws(TemplateProblem) -> Text {
    var named: Object?
    if try peek() == UInt8(ascii: "(") { named = try name() }
    var spec = FormatSpec()
    try flags(&spec)
    spec.width = try number(&spec)
    if try peek() == UInt8(ascii: ".") {
      offset += 1
      spec.precision = try number(&spec)
    }
    while try "hlL".utf8.contains(peek()) { offset += 1 }
    let type = try peek()
    offset += 1
    if type == UInt8(ascii: "%") { return "%" }
    let value = if let named { named } else { try next() }
    return try show(value, type, spec)
  }

  private mutating func name() throws(TemplateProblem) -> Object {
    guard let mapping else { throw .failure("format requires a mapping") }
    var depth = 1
    let start = offset + 1
    offset = start
    while true {
      let byte = try peek()
      if byte == UInt8(ascii: "(") { depth += 1 }
      if byte == UInt8(ascii: ")") { depth -= 1 }
      if depth == 0 { break }
      offset += 1
    }
    let key = format.part(start..<offset)
    offset += 1
    guard let value = mapping[key] else {
      throw .failure("KeyError: \(try renderer.representation(of: .string(key)).string)")
    }
    return value
  }

  private mutating func flags(_ spec: inout FormatSpec) throws(TemplateProblem) {
    var isLeft = false
    var hasZero = false
    flags: while true {
      switch try peek() {
      case UInt8(ascii: "-"): isLeft = true
      case UInt8(ascii: "+"): spec.sign = UInt8(ascii: "+")
      case UInt8(ascii: " "): if spec.sign != UInt8(ascii: "+") { spec.sign = UInt8(ascii: " ") }
      case UInt8(ascii: "#"): spec.isAlternate = true
      case UInt8(ascii: "0"): hasZero = true
      default: break flags
      }
      offset += 1
    }
    if isLeft {
      spec.alignment = .left
    } else if hasZero {
      spec.alignment = .afterSign
      spec.fill = "0"
    }
  }

  /// A width or precision, in digits or, as `*`, from the arguments.
  private mutating func number(_ spec: inout FormatSpec) throws(TemplateProblem) -> Int {
    var value = 0
    if try peek() == UInt8(ascii: "*") {
      offset += 1
      value = try next().integer()
      if value < 0 {
        spec.alignment = .left
        value = value == .min ? .max : -value
      }
    } else {
      while try (0x30...0x39).contains(peek()), value <= FormatSpec.maximumWidth {
        value = value * 10 + Int(try peek() - 0x30)
        offset += 1
      }
    }
    guard value <= FormatSpec.maximumWidth else {
      throw .exceeded(.textSize, "a width or precision of a format is above \(FormatSpec.maximumWidth)")
    }
    return value
  }

  private func show(_ value: Object, _ type: UInt8, _ spec: FormatSpec) throws(TemplateProblem) -> Text {
    var spec = spec
    spec.type = type
    switch type {
    case UInt8(ascii: "s"), UInt8(ascii: "r"), UInt8(ascii: "a"):
      return pad(try text(of: value, type), spec)
    case UInt8(ascii: "c"):
      if case .string(let text) = value {
        guard text.count == 1 else { throw .failure("%c requires int or char") }
        return pad(text, spec)
      }
      return pad(try spec.format(BigInteger(try value.integer())), spec)
    case UInt8(ascii: "d"), UInt8(ascii: "i"), UInt8(ascii: "u"):
      if case .double(let number) = value {
        guard number.isFinite else {
          throw .failure("cannot convert float \(number.isNaN ? "NaN" : "infinity") to integer")
        }
        return try spec.format(BigInteger(truncating: number))
      }
      return try spec.format(try number(value, type))
    case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "o"): return try spec.format(try number(value, type))
    case UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "f"), UInt8(ascii: "F"), UInt8(ascii: "g"),
      UInt8(ascii: "G"):
      guard let number = value.doubleValue else {
        if case .undefined(let undefined) = value { throw undefined.problem }
        throw .failure("must be real number, not \(value.typeName)")
      }
      if case .big = value, number.isInfinite { throw .failure("int too large to convert to float") }
      return try spec.format(number)
    default:
      throw .failure("unsupported format character '\(Character(Unicode.Scalar(type)))'")
    }
  }

  private func number(_ value: Object, _ type: UInt8) throws(TemplateProblem) -> BigInteger {
    if let number = value.wholeValue {
      try renderer.charge(number.limbs.count * number.limbs.count >> 2)
      return number
    }
    if case .undefined(let undefined) = value { throw undefined.problem }
    throw .failure(
      "%\(Character(Unicode.Scalar(type))) format: a number is required, not \(value.typeName)")
  }

  private func text(of value: Object, _ type: UInt8) throws(TemplateProblem) -> Text {
    if type == UInt8(ascii: "s") {
      let text = try renderer.text(of: value)
      return format.isMarkup ? HTML.escaped(text) : text
    }
    let text = try renderer.representation(of: value)
    if type == UInt8(ascii: "r") || text.isASCII { return text }
    var buffer = TextBuffer()
    for scalar in text.string.unicodeScalars {
      if scalar.isASCII {
        buffer.append(scalar)
      } else {
        let width = scalar.value < 0x100 ? 2 : scalar.value < 0x10000 ? 4 : 8
        buffer.append(["\\x", "\\u", "\\U"][width / 4] + Quoting.hex(scalar.value, width))
      }
    }
    return buffer.text
  }

  /// Text cut to the precision and filled with spaces to the width, from the left unless `-`.
  private func pad(_ text: Text, _ spec: FormatSpec) -> Text {
    var spec = spec
    spec.fill = " "
    if spec.alignment == .afterSign { spec.alignment = .right }
    let cut = spec.precision.map { text.slice(0..<min($0, text.count)) } ?? text
    return spec.pad(cut, defaultAlignment: .right)
  }
}
