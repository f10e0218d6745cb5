// SPDX-License-Identifier: Apache-2.0
// Python's `str` and `repr` of any value.

extension Renderer {
  /// `str(object)`.
  func text(of object: Object) throws(TemplateProblem) -> Text {
    switch object {
    case .string(let text): return text
    case .undefined: return .empty
    case .none: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .int(let value): return Text(String(value))
    case .big(let value): return Text(try decimal(value))
    case .double(let value):
      try charge(32)
      return Text(FloatText.shortest(value))
    default:
      var buffer = TextBuffer()
      try represent(object, into: &buffer)
      try allocateText(buffer.bytes.count)
      return buffer.text
    }
  }

  /// A large integer in decimal digits; Python refuses more than 4300 of them.
  func decimal(_ value: BigInteger) throws(TemplateProblem) -> String {
    try charge(value.limbs.count * value.limbs.count >> 2)
    let digits = value.digits()
    guard digits.utf8.count <= BigInteger.maximumDigits else { throw BigInteger.tooManyDigits() }
    return (value.isNegative ? "-" : "") + digits
  }

  /// `repr(object)`.
  func representation(of object: Object) throws(TemplateProblem) -> Text {
    var buffer = TextBuffer()
    try represent(object, into: &buffer)
    try allocateText(buffer.bytes.count)
    return buffer.text
  }

  private func represent(_ object: Object, into buffer: inout TextBuffer, level: Int = 0) throws(TemplateProblem) {
    guard buffer.bytes.count <= limits.textSize else {
      throw .exceeded(.textSize, "the template makes a text of more than \(limits.textSize) bytes")
    }
    // Containers cannot be deeper; namespaces, which can hold themselves, can.
    guard level <= TemplateLimits.valueDepth else { throw .failure("maximum recursion depth exceeded in repr") }
    switch object {
    case .string(let text):
      if text.isMarkup { buffer.append("Markup(") }
      Quoting.quote(text, into: &buffer)
      if text.isMarkup { buffer.append(")") }
    case .undefined: buffer.append("Undefined")
    case .none, .bool, .int, .big, .double: buffer.append(try text(of: object))
    case .list(let list): try represent(list.items, "[", "]", into: &buffer, level: level)
    case .tuple(let list):
      try represent(list.items, "(", list.items.count == 1 ? ",)" : ")", into: &buffer, level: level)
    case .dict(let dict): try represent(dict.entries, into: &buffer, level: level)
    case .range(let range):
      buffer.append("range(\(range.start), \(range.stop)\(range.step == 1 ? "" : ", \(range.step)"))")
    case .view(let view):
      buffer.append("\(view.kind.rawValue)(")
      try represent(try view.items(), "[", "]", into: &buffer, level: level)
      buffer.append(")")
    case .namespace(let namespace):
      buffer.append("<Namespace ")
      let entries = namespace.names.compactMap { name in namespace[name].map { (key: Object.string(name), value: $0) } }
      try represent(entries, into: &buffer, level: level)
      buffer.append(">")
    case .loop(let loop): buffer.append("<LoopContext \(loop.index0 + 1)/\(try loop.length())>")
    case .macro(let macro): buffer.append("<Macro \(macro.code.name.map { "'\($0)'" } ?? "anonymous")>")
    case .function(let function): buffer.append("<\(function.typeName) \(function.name)>")
    case .iterator, .cycler, .joiner: buffer.append("<\(object.typeName) object>")
    }
  }

  private func represent(
    _ items: [Object], _ open: String, _ close: String, into buffer: inout TextBuffer, level: Int
  ) throws(TemplateProblem) {
    buffer.append(open)
    for (index, item) in items.enumerated() {
      if index > 0 { buffer.append(", ") }
      try represent(item, into: &buffer, level: level + 1)
    }
    buffer.append(close)
  }

  private func represent(
    _ entries: [(key: Object, value: Object)], into buffer: inout TextBuffer, level: Int
  ) throws(TemplateProblem) {
    buffer.append("{")
    for (index, entry) in entries.enumerated() {
      if index > 0 { buffer.append(", ") }
      try represent(entry.key, into: &buffer, level: level + 1)
      buffer.append(": ")
      try represent(entry.value, into: &buffer, level: level + 1)
    }
    buffer.append("}")
  }
}

/// Quoted strings.
enum Quoting {
  /// `repr` of a string: in single quotes unless only double ones need no escape.
  static func quote(_ text: Text, into buffer: inout TextBuffer) {
    let single = UInt8(ascii: "'")
    let quote = text.bytes.contains(single) && !text.bytes.contains(UInt8(ascii: "\"")) ? UInt8(ascii: "\"") : single
    buffer.appendByte(quote)
    if text.isASCII {
      for byte in text.bytes { append(Unicode.Scalar(byte), quote, into: &buffer) }
    } else {
      for scalar in text.string.unicodeScalars { append(scalar, quote, into: &buffer) }
    }
    buffer.appendByte(quote)
  }

  private static func append(_ scalar: Unicode.Scalar, _ quote: UInt8, into buffer: inout TextBuffer) {
    switch scalar {
    case "\n": buffer.append("\\n")
    case "\r": buffer.append("\\r")
    case "\t": buffer.append("\\t")
    case "\\": buffer.append("\\\\")
    case Unicode.Scalar(quote):
      buffer.append("\\")
      buffer.append(scalar)
    default:
      let isPlain = scalar.isASCII ? (0x20..<0x7F).contains(scalar.value) : CodePoint.isPrintable(scalar)
      if isPlain { buffer.append(scalar) } else { buffer.append(escape(scalar)) }
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case ..<0x100: "\\x" + hex(scalar.value, 2)
    case ..<0x10000: "\\u" + hex(scalar.value, 4)
    default: "\\U" + hex(scalar.value, 8)
    }
  }

  /// Lower-case hexadecimal digits, filled with zeros.
  static func hex(_ value: UInt32, _ width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
