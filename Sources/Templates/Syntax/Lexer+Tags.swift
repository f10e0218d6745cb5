// SPDX-License-Identifier: Apache-2.0
// The inside of `{{ … }}` and `{% … %}`: names, numbers, strings, operators.

extension Lexer {
  /// Reads tokens up to and with the end of the tag.
  mutating func readTag(_ ending: Token.Kind) throws(TemplateProblem) {
    closers = []
    while position < source.count {
      if closers.isEmpty, let end = tagEnd(ending) {
        add(ending)
        advance(to: end)
        return
      }
      let (value, _) = scalar(at: position)
      if CodePoint.isSpace(value) {
        advance(to: skipSpace(from: position))
      } else if isDigit(position) {
        readNumber()
      } else if startsName(value) {
        readName()
      } else if value == 0x22 || value == 0x27 {
        try readString(quote: UInt8(value))
      } else {
        try readSymbol()
      }
    }
  }

  /// Where the template goes on when the tag ends here.
  private func tagEnd(_ ending: Token.Kind) -> Int? {
    let first: UInt8 = ending == .blockEnd ? UInt8(ascii: "%") : UInt8(ascii: "}")
    var offset = position
    var sign: UInt8 = 0
    let signs: [UInt8] = ending == .blockEnd ? [0x2D, 0x2B] : [0x2D]
    if signs.contains(source[offset]) {
      sign = source[offset]
      offset += 1
    }
    guard offset + 1 < source.count, source[offset] == first, source[offset + 1] == UInt8(ascii: "}")
    else { return nil }
    return afterTag(offset + 2, sign: sign, trimsNewline: ending == .blockEnd)
  }

  private func isDigit(_ offset: Int) -> Bool {
    offset < source.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(source[offset])
  }

  // MARK: Names

  private func startsName(_ value: UInt32) -> Bool {
    Unicode.Scalar(value).map(CodePoint.continuesName) ?? false
  }

  private mutating func readName() {
    var end = position
    while end < source.count {
      let (value, length) = scalar(at: end)
      guard startsName(value) else { break }
      end += length
    }
    add(.name, Text(utf8: source[position..<end]))
    position = end
  }

  // MARK: Numbers

  /// An integer in any base or a float; digits may be grouped by single underscores.
  private mutating func readNumber() {
    let afterDot = position > 0 && source[position - 1] == UInt8(ascii: ".")
    if !afterDot, let end = floatEnd() {
      addNumber(.float, end)
    } else {
      addNumber(.integer, integerEnd())
    }
  }

  private mutating func addNumber(_ kind: Token.Kind, _ end: Int) {
    add(kind, Text(utf8: source[position..<end].filter { $0 != UInt8(ascii: "_") }))
    position = end
  }

  private func integerEnd() -> Int {
    func digits(_ start: Int, _ isDigit: (UInt8) -> Bool) -> Int {
      var end = start
      while end < source.count {
        if isDigit(source[end]) {
          end += 1
        } else if source[end] == UInt8(ascii: "_"), end + 1 < source.count, isDigit(source[end + 1]) {
          end += 2
        } else {
          break
        }
      }
      return end
    }
    if source[position] == UInt8(ascii: "0") {
      if position + 2 < source.count {
        let isDigit: ((UInt8) -> Bool)? =
          switch source[position + 1] | 0x20 {
          case UInt8(ascii: "x"): { Text.digitValue($0) < 16 }
          case UInt8(ascii: "o"): { Text.digitValue($0) < 8 }
          case UInt8(ascii: "b"): { Text.digitValue($0) < 2 }
          default: nil
          }
        if let isDigit {
          let end = digits(position + 2, isDigit)
          if end > position + 2 { return end }
        }
      }
      return digits(position + 1) { $0 == UInt8(ascii: "0") }
    }
    return digits(position) { Text.digitValue($0) < 10 }
  }

  /// The end of a float: digits with a fraction, an exponent, or both.
  private func floatEnd() -> Int? {
    var end = digitsEnd(position)
    var isFloat = false
    if end < source.count, source[end] == UInt8(ascii: "."), isDigit(end + 1) {
      end = digitsEnd(end + 1)
      isFloat = true
    }
    if end < source.count, source[end] | 0x20 == UInt8(ascii: "e") {
      var digits = end + 1
      if digits < source.count, source[digits] == 0x2B || source[digits] == 0x2D { digits += 1 }
      if isDigit(digits) {
        end = digitsEnd(digits)
        isFloat = true
      }
    }
    return isFloat ? end : nil
  }

  private func digitsEnd(_ start: Int) -> Int {
    var end = start
    while isDigit(end) || (end > start && end < source.count && source[end] == 0x5F && isDigit(end + 1)) {
      end += 1
    }
    return end
  }

  // MARK: Strings and symbols

  private mutating func readString(quote: UInt8) throws(TemplateProblem) {
    var end = position + 1
    while end < source.count, source[end] != quote {
      end += source[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard end < source.count else {
      throw .syntax(message: "unexpected char '\(quote == 0x22 ? "\"" : "'")' at \(position)", line: line)
    }
    do throws(TemplateProblem) {
      add(.string, try StringLiteral.unescaped(source[position + 1..<end]))
    } catch {
      throw error.located(at: line)
    }
    advance(to: end + 1)
  }

  private mutating func readSymbol() throws(TemplateProblem) {
    for length in [2, 1] where position + length <= source.count {
      let spelling = String(decoding: source[position..<position + length], as: UTF8.self)
      guard let symbol = Token.Symbol(rawValue: spelling) else { continue }
      try balance(symbol)
      add(.symbol(symbol))
      position += length
      return
    }
    let (value, _) = scalar(at: position)
    let shown = Unicode.Scalar(value).map { String($0) } ?? ""
    throw .syntax(message: "unexpected char '\(shown)' at \(position)", line: line)
  }

  private mutating func balance(_ symbol: Token.Symbol) throws(TemplateProblem) {
    switch symbol {
    case .leftBrace: closers.append(.rightBrace)
    case .leftParenthesis: closers.append(.rightParenthesis)
    case .leftBracket: closers.append(.rightBracket)
    case .rightBrace, .rightParenthesis, .rightBracket:
      guard let expected = closers.popLast() else {
        throw .syntax(message: "unexpected '\(symbol.rawValue)'", line: line)
      }
      guard expected == symbol else {
        throw .syntax(
          message: "unexpected '\(symbol.rawValue)', expected '\(expected.rawValue)'", line: line)
      }
    default: break
    }
  }
}
