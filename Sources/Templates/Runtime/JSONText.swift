// SPDX-License-Identifier: Apache-2.0
// `tojson` of chat templates: Python's `json.dumps`, not jinja2's own filter, so that nothing is
// escaped for HTML and non-ASCII text stays as it is.

/// Writes values as JSON.
struct JSONText {
  /// Keyword arguments of `json.dumps`.
  struct Style {
    var escapesNonASCII = false
    /// What each level is indented by; nil writes everything on one line.
    var indent: Text?
    var itemSeparator: Text
    var keySeparator: Text = ": "
    var sortsKeys = false
  }

  let style: Style
  let renderer: Renderer
  private var buffer = TextBuffer()

  init(style: Style, renderer: Renderer) {
    self.style = style
    self.renderer = renderer
  }

  static func text(of object: Object, style: Style, renderer: Renderer) throws(TemplateProblem) -> Text {
    var writer = JSONText(style: style, renderer: renderer)
    try writer.write(object, level: 0)
    try renderer.allocateText(writer.buffer.bytes.count)
    return writer.buffer.text
  }

  private mutating func write(_ object: Object, level: Int) throws(TemplateProblem) {
    guard buffer.bytes.count <= renderer.limits.textSize else {
      throw .exceeded(.textSize, "the template makes a text of more than \(renderer.limits.textSize) bytes")
    }
    switch object {
    case .none: buffer.append("null")
    case .bool(let value): buffer.append(value ? "true" : "false")
    case .int(let value): buffer.append(String(value))
    case .big(let value): buffer.append(try renderer.decimal(value))
    case .double(let value): buffer.append(JSONText.number(value))
    case .string(let text): write(text)
    case .list(let list), .tuple(let list): try write(list.items, level: level)
    case .dict(let dict): try write(dict, level: level)
    default: throw .failure("Object of type \(object.typeName) is not JSON serializable")
    }
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    return FloatText.shortest(value)
  }

  private mutating func write(_ items: [Object], level: Int) throws(TemplateProblem) {
    if items.isEmpty { return buffer.append("[]") }
    buffer.append("[")
    for (index, item) in items.enumerated() {
      separate(index, level: level + 1)
      try write(item, level: level + 1)
    }
    newLine(level)
    buffer.append("]")
  }

  private mutating func write(_ dict: DictObject, level: Int) throws(TemplateProblem) {
    if dict.keys.isEmpty { return buffer.append("{}") }
    var entries = dict.entries
    if style.sortsKeys {
      try renderer.sort(&entries) { (a, b) throws(TemplateProblem) in try renderer.isLess(a.key, b.key) }
    }
    buffer.append("{")
    for (index, entry) in entries.enumerated() {
      separate(index, level: level + 1)
      write(try key(entry.key))
      buffer.append(style.keySeparator)
      try write(entry.value, level: level + 1)
    }
    newLine(level)
    buffer.append("}")
  }

  private func key(_ object: Object) throws(TemplateProblem) -> Text {
    switch object {
    case .string(let text): return text
    case .bool(let value): return value ? "true" : "false"
    case .none: return "null"
    case .int, .big: return try renderer.text(of: object)
    case .double(let value): return Text(JSONText.number(value))
    default: throw .failure("keys must be str, int, float, bool or None, not \(object.typeName)")
    }
  }

  private mutating func separate(_ index: Int, level: Int) {
    if index > 0 { buffer.append(style.itemSeparator) }
    newLine(level)
  }

  private mutating func newLine(_ level: Int) {
    guard let indent = style.indent else { return }
    buffer.append("\n")
    for _ in 0..<level { buffer.append(indent) }
  }

  private mutating func write(_ text: Text) {
    buffer.append("\"")
    var plain = 0
    for (offset, byte) in text.bytes.enumerated() where JSONText.needsEscape(byte, style.escapesNonASCII) {
      guard offset >= plain else { continue }
      buffer.append(text.bytes[plain..<offset])
      let (value, length) = text.scalar(at: offset)
      escape(value)
      plain = offset + length
    }
    buffer.append(text.bytes[plain...])
    buffer.append("\"")
  }

  private static func needsEscape(_ byte: UInt8, _ escapesNonASCII: Bool) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || (escapesNonASCII && byte >= 0x7F)
  }

  private mutating func escape(_ value: UInt32) {
    switch value {
    case 0x22: buffer.append("\\\"")
    case 0x5C: buffer.append("\\\\")
    case 0x08: buffer.append("\\b")
    case 0x09: buffer.append("\\t")
    case 0x0A: buffer.append("\\n")
    case 0x0C: buffer.append("\\f")
    case 0x0D: buffer.append("\\r")
    case 0x10000...:
      let rest = value - 0x10000
      buffer.append("\\u" + Quoting.hex(0xD800 + rest >> 10, 4))
      buffer.append("\\u" + Quoting.hex(0xDC00 + rest & 0x3FF, 4))
    default: buffer.append("\\u" + Quoting.hex(value, 4))
    }
  }
}
