// SPDX-License-Identifier: Apache-2.0
// The escapes of string literals, as Python's `unicode-escape` codec reads them.

/// Reads the inside of a quoted string.
enum StringLiteral {
  /// The text a literal stands for. Throws a problem without a line.
  static func unescaped(_ literal: ArraySlice<UInt8>) throws(TemplateProblem) -> Text {
    guard literal.contains(UInt8(ascii: "\\")) else { return Text(utf8: literal) }
    var buffer = TextBuffer()
    var index = literal.startIndex
    while index < literal.endIndex {
      guard literal[index] == UInt8(ascii: "\\"), index + 1 < literal.endIndex else {
        buffer.appendByte(literal[index])
        index += 1
        continue
      }
      let escape = literal[index + 1]
      index += 2
      if let simple = simple(escape) {
        if let byte = simple { buffer.appendByte(byte) }
      } else if (0x30...0x37).contains(escape) {
        index -= 1
        let end = min(index + 3, literal.endIndex)
        let digits = literal[index..<end].prefix { (0x30...0x37).contains($0) }
        buffer.append(scalar(digits.reduce(0) { $0 * 8 + UInt32($1 - 0x30) }))
        index += digits.count
      } else if let length = hexLength(escape) {
        let digits = literal[index...].prefix(length)
        guard digits.count == length, digits.allSatisfy({ Text.digitValue($0) < 16 }) else {
          throw .syntax(message: "truncated \\\(Character(Unicode.Scalar(escape))) escape", line: 0)
        }
        let value = digits.reduce(UInt32(0)) { $0 << 4 | UInt32(Text.digitValue($1)) }
        guard value <= 0x10FFFF else { throw .syntax(message: "illegal Unicode character", line: 0) }
        buffer.append(scalar(value))
        index += length
      } else if escape == UInt8(ascii: "N") {
        throw .syntax(message: "escapes by character name (\\N) are not supported", line: 0)
      } else {
        buffer.appendByte(UInt8(ascii: "\\"))
        buffer.appendByte(escape)
      }
    }
    return buffer.text
  }

  /// One-letter escapes; an escaped newline stands for nothing. Nil: not a one-letter escape.
  private static func simple(_ escape: UInt8) -> UInt8?? {
    switch escape {
    case 0x0A: .some(nil)
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): escape
    case UInt8(ascii: "a"): 0x07
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "v"): 0x0B
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "r"): 0x0D
    default: nil
    }
  }

  private static func hexLength(_ escape: UInt8) -> Int? {
    switch escape {
    case UInt8(ascii: "x"): 2
    case UInt8(ascii: "u"): 4
    case UInt8(ascii: "U"): 8
    default: nil
    }
  }

  /// A code point; half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD.
  private static func scalar(_ value: UInt32) -> Unicode.Scalar { Unicode.Scalar(value) ?? "\u{FFFD}" }
}

extension Text {
  /// Value of a digit of any base up to 36; 255 for other bytes.
  static func digitValue(_ byte: UInt8) -> Int {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x5A: Int(byte) - 0x41 + 10
    case 0x61...0x7A: Int(byte) - 0x61 + 10
    default: 255
    }
  }
}
