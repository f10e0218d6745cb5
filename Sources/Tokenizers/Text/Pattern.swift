// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizer files by PCRE2. They are written for Oniguruma, whose classes differ a little:
// \s has U+0085, \w has marks and connectors. The pattern is rewritten to say so.

internal import CPCRE2

/// A compiled pattern, or a plain string to look for.
@safe final class Pattern: Sendable {
  /// Compiled code is never written after it was made; matching needs its own match data.
  private nonisolated(unsafe) let code: OpaquePointer?
  private let literal: [UInt8]

  /// Looks for a string.
  init(literal: String) {
    unsafe code = nil
    self.literal = Array(literal.utf8)
  }

  /// Compiles an expression; nil when it is none, or too long.
  init?(regex: String) {
    literal = []
    guard regex.utf8.count <= 1 << 14 else { return nil }
    var number: Int32 = 0
    var offset = 0
    let text = Array(Self.rewritten(regex).utf8)
    let made = unsafe pcre2_compile_8(
      text, text.count, UInt32(PCRE2_UTF) | PCRE2_UCP | UInt32(PCRE2_NO_UTF_CHECK), &number, &offset, nil)
    guard let made = unsafe made else { return nil }
    unsafe pcre2_jit_compile_8(made, UInt32(PCRE2_JIT_COMPLETE))
    unsafe code = made
  }

  deinit { if let code = unsafe code { unsafe pcre2_code_free_8(code) } }

  /// All matches in order, without empty ones. A pattern that exceeds its limits stops matching.
  func matches(in text: [UInt8]) -> [Range<Int>] {
    guard let code = unsafe code else { return literalMatches(in: text) }
    guard let data = unsafe pcre2_match_data_create_8(1, nil) else { return [] }
    defer { unsafe pcre2_match_data_free_8(data) }
    var found: [Range<Int>] = []
    var position = 0
    while position <= text.count {
      let count = unsafe pcre2_match_8(code, text, text.count, position, UInt32(PCRE2_NO_UTF_CHECK), data, nil)
      guard count >= 0, let ends = unsafe pcre2_get_ovector_pointer_8(data) else { break }
      let (start, end) = unsafe (ends[0], ends[1])
      if end > start {
        found.append(start..<end)
        position = end
      } else {
        position = Self.next(after: end, in: text)
      }
    }
    return found
  }

  private func literalMatches(in text: [UInt8]) -> [Range<Int>] {
    guard let first = literal.first else { return [] }
    var found: [Range<Int>] = []
    var position = 0
    while position + literal.count <= text.count {
      if text[position] == first, text[position..<(position + literal.count)].elementsEqual(literal) {
        found.append(position..<(position + literal.count))
        position += literal.count
      } else {
        position += 1
      }
    }
    return found
  }

  private static func next(after position: Int, in text: [UInt8]) -> Int {
    var next = position + 1
    while next < text.count && text[next] & 0xC0 == 0x80 { next += 1 }
    return next
  }

  /// Replaces the shorthand classes by what Oniguruma means with them.
  static func rewritten(_ pattern: String) -> String {
    let inside: [Character: String] = [
      "s": "\\t-\\r\\x{85}\\p{Z}", "w": "\\p{L}\\p{M}\\p{Nd}\\p{Pc}", "d": "\\p{Nd}", "h": "0-9a-fA-F",
    ]
    var output = ""
    var depth = 0
    var characters = pattern.makeIterator()
    while let character = characters.next() {
      switch character {
      case "\\":
        guard let letter = characters.next() else { return pattern }
        if let set = inside[letter] {
          output += depth > 0 ? set : "[\(set)]"
        } else if depth == 0, letter == "S" || letter == "W", let set = inside[letter == "S" ? "s" : "w"] {
          output += "[^\(set)]"
        } else {
          output.append("\\")
          output.append(letter)
        }
        continue
      case "[": depth += 1
      case "]": depth = max(0, depth - 1)
      default: break
      }
      output.append(character)
    }
    return output
  }
}
