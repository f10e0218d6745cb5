// SPDX-License-Identifier: Apache-2.0
// Template source to tokens. Follows jinja2's lexer.py (3.1) with `trim_blocks` (the newline after
// a block tag goes) and `lstrip_blocks` (white space before a block tag on its line goes), and its
// default `keep_trailing_newline = False`.

/// Splits a template into tokens.
struct Lexer {
  let source: [UInt8]
  var position = 0
  var line = 1
  var tokens: [Token] = []
  /// Closing brackets still to come within the tag being read.
  var closers: [Token.Symbol] = []
  /// Whether the last thing read ended with a newline, so that the next text starts a line.
  private var isLineStart = true

  private init(_ source: [UInt8]) { self.source = source }

  /// The tokens of a template, the last one being `.end`.
  static func tokens(of template: String) throws(TemplateProblem) -> [Token] {
    var lexer = Lexer(normalized(Array(template.utf8)))
    try lexer.readAll()
    return lexer.tokens
  }

  /// Every kind of line end becomes a newline; one at the very end is dropped.
  private static func normalized(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for (index, byte) in bytes.enumerated() {
      if byte == 0x0D {
        result.append(0x0A)
      } else if byte != 0x0A || index == 0 || bytes[index - 1] != 0x0D {
        result.append(byte)
      }
    }
    if result.last == 0x0A { result.removeLast() }
    return result
  }

  private mutating func readAll() throws(TemplateProblem) {
    while position < source.count {
      guard let tag = nextTag() else {
        addData(position..<source.count)
        position = source.count
        break
      }
      switch source[tag + 1] {
      case UInt8(ascii: "#"): try readComment(at: tag)
      case UInt8(ascii: "{"):
        addText(until: tag, sign: sign(at: tag + 2), stripsLine: false)
        advance(to: tag + (sign(at: tag + 2) == nil ? 2 : 3))
        add(.variableBegin)
        try readTag(.variableEnd)
      default:
        if let end = rawBegin(at: tag) {
          try readRaw(from: tag, contentAt: end)
        } else {
          addText(until: tag, sign: sign(at: tag + 2), stripsLine: true)
          advance(to: tag + (sign(at: tag + 2) == nil ? 2 : 3))
          add(.blockBegin)
          try readTag(.blockEnd)
        }
      }
      isLineStart = position > 0 && source[position - 1] == 0x0A
    }
    add(.end)
  }

  /// Offset of the next `{%`, `{{` or `{#`.
  private func nextTag() -> Int? {
    var index = position
    while index + 1 < source.count {
      if source[index] == UInt8(ascii: "{") {
        switch source[index + 1] {
        case UInt8(ascii: "%"), UInt8(ascii: "{"), UInt8(ascii: "#"): return index
        default: break
        }
      }
      index += 1
    }
    return nil
  }

  // MARK: Text between tags

  /// The `-` or `+` after a tag's opening.
  private func sign(at offset: Int) -> UInt8? {
    guard offset < source.count else { return nil }
    return source[offset] == UInt8(ascii: "-") || source[offset] == UInt8(ascii: "+")
      ? source[offset] : nil
  }

  /// Adds the text before a tag, less the white space the tag takes away.
  private mutating func addText(until tag: Int, sign: UInt8?, stripsLine: Bool) {
    var end = tag
    if sign == UInt8(ascii: "-") {
      end = position + Text(utf8: source[position..<tag]).trimmed(start: false).bytes.count
    } else if sign == nil, stripsLine {
      let newline = source[position..<tag].lastIndex(of: 0x0A)
      if newline != nil || isLineStart {
        let lineStart = newline.map { $0 + 1 } ?? position
        if Text(utf8: source[lineStart..<tag]).trimmed().isEmpty { end = lineStart }
      }
    }
    addData(position..<end)
    advance(to: tag)
  }

  private mutating func addData(_ range: Range<Int>) {
    if !range.isEmpty { add(.data, Text(utf8: source[range])) }
  }

  mutating func add(_ kind: Token.Kind, _ text: Text = .empty) {
    tokens.append(Token(kind: kind, text: text, line: line))
  }

  /// Moves on, counting lines.
  mutating func advance(to offset: Int) {
    for byte in source[position..<offset] where byte == 0x0A { line += 1 }
    position = offset
  }

  // MARK: Comments and raw text

  private mutating func readComment(at tag: Int) throws(TemplateProblem) {
    addText(until: tag, sign: sign(at: tag + 2), stripsLine: true)
    let body = tag + (sign(at: tag + 2) == nil ? 2 : 3)
    var index = body
    while index + 1 < source.count {
      if source[index] == UInt8(ascii: "#"), source[index + 1] == UInt8(ascii: "}") {
        let before = index > body ? source[index - 1] : 0
        advance(to: afterTag(index + 2, sign: before, trimsNewline: true))
        return
      }
      index += 1
    }
    guard body < source.count else { return advance(to: body) }
    throw .syntax(message: "Missing end of comment tag", line: line)
  }

  /// Where reading goes on after a tag that closes at an offset with a sign before it.
  func afterTag(_ end: Int, sign: UInt8, trimsNewline: Bool) -> Int {
    if sign == UInt8(ascii: "-") { return skipSpace(from: end) }
    if sign != UInt8(ascii: "+"), trimsNewline, end < source.count, source[end] == 0x0A {
      return end + 1
    }
    return end
  }

  /// Offset of the next code point that is not white space.
  func skipSpace(from start: Int) -> Int {
    var offset = start
    while offset < source.count {
      let (value, length) = scalar(at: offset)
      guard CodePoint.isSpace(value) else { break }
      offset += length
    }
    return offset
  }

  /// The code point at an offset of the source.
  func scalar(at offset: Int) -> (value: UInt32, length: Int) {
    if source[offset] < 0x80 { return (UInt32(source[offset]), 1) }
    return Text(bytes: Array(source[offset..<min(offset + 4, source.count)]), count: 0).scalar(at: 0)
  }

  /// Where the content starts when a tag is `{% raw %}`.
  private func rawBegin(at tag: Int) -> Int? {
    guard let name = word("raw", at: skipSpace(from: tag + (sign(at: tag + 2) == nil ? 2 : 3))) else {
      return nil
    }
    var end = skipSpace(from: name)
    let dash = end < source.count && source[end] == UInt8(ascii: "-")
    if dash { end += 1 }
    guard let close = word("%}", at: end) else { return nil }
    return dash ? skipSpace(from: close) : close
  }

  /// The offset after a spelling found at an offset.
  private func word(_ spelling: String, at offset: Int) -> Int? {
    let bytes = Array(spelling.utf8)
    guard offset + bytes.count <= source.count,
      source[offset..<offset + bytes.count].elementsEqual(bytes)
    else { return nil }
    return offset + bytes.count
  }

  private mutating func readRaw(from tag: Int, contentAt content: Int) throws(TemplateProblem) {
    addText(until: tag, sign: sign(at: tag + 2), stripsLine: true)
    advance(to: content)
    isLineStart = source[content - 1] == 0x0A
    var index = position
    while index + 1 < source.count {
      if let end = rawEnd(at: index) {
        addText(until: index, sign: sign(at: index + 2), stripsLine: true)
        advance(to: end)
        return
      }
      index += 1
    }
    guard content < source.count else { return }
    throw .syntax(message: "Missing end of raw directive", line: line)
  }

  /// Where reading goes on when a tag is `{% endraw %}`.
  private func rawEnd(at tag: Int) -> Int? {
    guard let open = word("{%", at: tag),
      let name = word("endraw", at: skipSpace(from: open + (sign(at: open) == nil ? 0 : 1)))
    else { return nil }
    let end = skipSpace(from: name)
    let sign = self.sign(at: end)
    guard let close = word("%}", at: end + (sign == nil ? 0 : 1)) else { return nil }
    return afterTag(close, sign: sign ?? 0, trimsNewline: true)
  }
}
