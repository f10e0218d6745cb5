// SPDX-License-Identifier: Apache-2.0
// `'{} and {name!r:>10}'.format(…)`, with attributes looked up through the sandbox.

/// Python's `str.format`.
struct BraceFormat {
  private let renderer: Renderer
  private let arguments: Arguments
  private let mapping: DictObject?
  /// The next automatic field; nil once fields are numbered by hand.
  private var automatic: Int? = 0
  private var usesNumbers = false

  /// - Parameter mapping: the dictionary of `format_map`, instead of arguments.
  static func format(_ format: Text, _ arguments: Arguments, mapping: DictObject? = nil, _ renderer: Renderer)
    throws(TemplateProblem) -> Text
  {
    try renderer.visit(format)
    var run = BraceFormat(renderer: renderer, arguments: arguments, mapping: mapping)
    return try run.expand(format, depth: 2).marked(format.isMarkup)
  }

  private init(renderer: Renderer, arguments: Arguments, mapping: DictObject?) {
    self.renderer = renderer
    self.arguments = arguments
    self.mapping = mapping
  }

  private mutating func expand(_ format: Text, depth: Int) throws(TemplateProblem) -> Text {
    guard depth >= 0 else { throw .failure("Max string recursion exceeded") }
    var buffer = TextBuffer()
    var offset = 0
    let bytes = format.bytes
    while offset < bytes.count {
      let byte = bytes[offset]
      let isDoubled = offset + 1 < bytes.count && bytes[offset + 1] == byte
      if byte == UInt8(ascii: "{"), !isDoubled {
        let end = try fieldEnd(bytes, from: offset + 1)
        let piece = try field(format.part(offset + 1..<end), depth: depth, isMarkup: format.isMarkup)
        try renderer.charge(piece.bytes.count)
        buffer.append(piece)
        offset = end + 1
      } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") {
        guard isDoubled else { throw .failure("Single '}' encountered in format string") }
        buffer.appendByte(byte)
        offset += 2
      } else {
        buffer.appendByte(byte)
        offset += 1
      }
      guard buffer.bytes.count <= renderer.limits.textSize else {
        throw .exceeded(.textSize, "the template makes a text of more than \(renderer.limits.textSize) bytes")
      }
    }
    return buffer.text
  }

  /// The brace that closes a field.
  private func fieldEnd(_ bytes: [UInt8], from start: Int) throws(TemplateProblem) -> Int {
    var depth = 1
    for offset in start..<bytes.count {
      if bytes[offset] == UInt8(ascii: "{") { depth += 1 }
      if bytes[offset] == UInt8(ascii: "}") { depth -= 1 }
      if depth == 0 { return offset }
    }
    throw .failure("expected '}' before end of string")
  }

  /// `name!conversion:spec`.
  private mutating func field(_ field: Text, depth: Int, isMarkup: Bool) throws(TemplateProblem) -> Text {
    let colon = BraceFormat.nameEnd(field.bytes)
    var nameEnd = colon
    var conversion: UInt8?
    if let mark = field.bytes[..<colon].lastIndex(of: UInt8(ascii: "!")) {
      guard mark + 2 == colon else { throw .failure("expected ':' after conversion specifier") }
      conversion = field.bytes[mark + 1]
      nameEnd = mark
    }
    var value = try self.value(field.part(0..<nameEnd))
    switch conversion {
    case nil: break
    case UInt8(ascii: "s"): value = .string(try renderer.text(of: value))
    case UInt8(ascii: "r"), UInt8(ascii: "a"): value = .string(try renderer.representation(of: value))
    default: throw .failure("Unknown conversion specifier")
    }
    let spec = colon < field.bytes.count ? field.part(colon + 1..<field.bytes.count) : .empty
    let text = try show(value, spec.isEmpty ? spec : try expand(spec, depth: depth - 1))
    return isMarkup && !(value.textValue?.isMarkup ?? false) ? HTML.escaped(text) : text
  }

  /// Where the name and conversion end: at a colon outside brackets.
  private static func nameEnd(_ bytes: [UInt8]) -> Int {
    var inBrackets = false
    for (offset, byte) in bytes.enumerated() {
      switch byte {
      case UInt8(ascii: "["): inBrackets = true
      case UInt8(ascii: "]"): inBrackets = false
      case UInt8(ascii: ":") where !inBrackets: return offset
      default: break
      }
    }
    return bytes.count
  }

  /// `first.attribute[item]…`.
  private mutating func value(_ path: Text) throws(TemplateProblem) -> Object {
    let bytes = path.bytes
    var offset = bytes.firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") } ?? bytes.count
    var value = try first(path.part(0..<offset))
    while offset < bytes.count {
      let isItem = bytes[offset] == UInt8(ascii: "[")
      offset += 1
      let rest = bytes[offset...]
      let end =
        isItem
        ? rest.firstIndex(of: UInt8(ascii: "]"))
        : rest.firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") } ?? bytes.count
      guard let end, end > offset else { throw .failure("Empty attribute in format string") }
      let name = path.part(offset..<end)
      if !isItem {
        value = try renderer.attribute(AttributeName(name.string), of: value)
      } else if let index = Int(name.string), index >= 0 {
        value = try renderer.item(of: value, .int(index))
      } else {
        value = try renderer.item(of: value, .string(name))
      }
      offset = isItem ? end + 1 : end
    }
    return value
  }

  /// An argument by position or name.
  private mutating func first(_ name: Text) throws(TemplateProblem) -> Object {
    if name.isEmpty || name.bytes.allSatisfy({ (0x30...0x39).contains($0) }) {
      if mapping != nil { throw .failure("Format string contains positional fields") }
      let index = try position(name)
      guard index < arguments.positional.count else {
        throw .failure("Replacement index \(index) out of range for positional args tuple")
      }
      return arguments.positional[index]
    }
    let found = mapping.map { $0[name] } ?? arguments.named.first { Text($0.name) == name }?.value
    guard let found else { throw .failure("KeyError: \(try renderer.representation(of: .string(name)).string)") }
    return found
  }

  private mutating func position(_ name: Text) throws(TemplateProblem) -> Int {
    if name.isEmpty {
      guard let index = automatic, !usesNumbers else {
        throw .failure("cannot switch from manual field specification to automatic field numbering")
      }
      automatic = index + 1
      return index
    }
    if let automatic, automatic > 0 {
      throw .failure("cannot switch from automatic field numbering to manual field specification")
    }
    usesNumbers = true
    guard let index = Int(name.string) else { throw .failure("Too many decimal digits in format string") }
    return index
  }

  /// `format(value, spec)`.
  private func show(_ value: Object, _ specification: Text) throws(TemplateProblem) -> Text {
    if specification.isEmpty { return try renderer.text(of: value) }
    let spec = try FormatSpec(specification)
    switch value {
    case .string(let text):
      guard spec.type == nil || spec.type == UInt8(ascii: "s") else {
        throw .failure("Unknown format code for object of type 'str'")
      }
      let cut = spec.precision.map { text.slice(0..<min($0, text.count)) } ?? text
      return spec.pad(cut, defaultAlignment: .left)
    case .bool(let flag) where spec.type == nil: return spec.pad(flag ? "True" : "False", defaultAlignment: .left)
    case .int, .big, .bool:
      let number = value.wholeValue ?? BigInteger(0)
      try renderer.charge(number.limbs.count * number.limbs.count >> 2)
      if let type = spec.type, "eEfFgG%".utf8.contains(type) {
        guard number.double.isFinite else { throw .failure("int too large to convert to float") }
        return try spec.format(number.double)
      }
      guard spec.precision == nil else { throw .failure("Precision not allowed in integer format specifier") }
      return try spec.format(number)
    case .double(let number): return try spec.format(number)
    default: throw .failure("unsupported format string passed to \(value.typeName).__format__")
    }
  }
}
