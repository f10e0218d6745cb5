// SPDX-License-Identifier: Apache-2.0
// Strings: a run without escapes is validated and copied at once; the rest goes byte by byte.

extension JSONCursor {
  /// Reads a string, the cursor being at its opening quote.
  public mutating func string() throws(JSONProblem) -> String {
    try expect(UInt8(ascii: "\""))
    let start = position
    let end = try plainRun()
    if bytes[end] == UInt8(ascii: "\"") {
      position = end + 1
      return try text(start..<end)
    }
    var buffer: [UInt8] = []
    while true {
      let run = position
      let stop = try plainRun()
      for index in run..<stop { buffer.append(bytes[index]) }
      position = stop + 1
      if bytes[stop] == UInt8(ascii: "\"") { break }
      try escape(into: &buffer)
    }
    let span = buffer.span
    guard let valid = try? UTF8Span(validating: span) else { throw JSONProblem(.invalidUTF8, at: start) }
    return String(copying: valid)
  }

  /// Offset of the next quote or backslash from `position` on.
  private func plainRun() throws(JSONProblem) -> Int {
    var index = position
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return index }
      if byte < 0x20 { throw JSONProblem(.controlCharacter, at: index) }
      index += 1
    }
    throw JSONProblem(.unexpectedEnd, at: index)
  }

  private func text(_ range: Range<Int>) throws(JSONProblem) -> String {
    guard let valid = try? UTF8Span(validating: bytes.extracting(range)) else {
      throw JSONProblem(.invalidUTF8, at: range.lowerBound)
    }
    return String(copying: valid)
  }

  /// Reads what follows a backslash.
  private mutating func escape(into buffer: inout [UInt8]) throws(JSONProblem) {
    guard position < bytes.count else { throw JSONProblem(.unexpectedEnd, at: position) }
    let letter = bytes[position]
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(letter)
    case UInt8(ascii: "b"): buffer.append(0x08)
    case UInt8(ascii: "f"): buffer.append(0x0C)
    case UInt8(ascii: "n"): buffer.append(0x0A)
    case UInt8(ascii: "r"): buffer.append(0x0D)
    case UInt8(ascii: "t"): buffer.append(0x09)
    case UInt8(ascii: "u"): buffer.append(contentsOf: Array(String(try unicodeEscape()).utf8))
    default: throw JSONProblem(.invalidEscape, at: position - 2)
    }
  }

  /// Reads the digits after `\u`, and the second half when the first is a high surrogate.
  private mutating func unicodeEscape() throws(JSONProblem) -> Unicode.Scalar {
    let start = position - 2
    let first = try fourHexDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    else { throw JSONProblem(.loneSurrogate, at: start) }
    position += 2
    let second = try fourHexDigits()
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw JSONProblem(.loneSurrogate, at: start) }
    return scalar
  }

  private mutating func fourHexDigits() throws(JSONProblem) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count else { throw JSONProblem(.unexpectedEnd, at: position) }
      guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
        bytes[position] < 0x80
      else { throw JSONProblem(.invalidEscape, at: position) }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
