// SPDX-License-Identifier: Apache-2.0
// Numbers: 64-bit integers are kept as such, longer ones as they are written, everything else becomes a double.

extension JSONCursor {
  /// Reads a number by the grammar of RFC 8259: no leading zeros, no bare point, no NaN.
  public mutating func number() throws(JSONProblem) -> JSONValue {
    skipSpace()
    let start = position
    let negative = takeByte(UInt8(ascii: "-"))
    let firstDigit = position
    try digits()
    if bytes[firstDigit] == UInt8(ascii: "0") && position > firstDigit + 1 {
      throw JSONProblem(.invalidNumber, at: start)
    }
    let integerEnd = position
    var whole = true
    if takeByte(UInt8(ascii: ".")) {
      whole = false
      try digits()
    }
    if takeByte(UInt8(ascii: "e")) || takeByte(UInt8(ascii: "E")) {
      whole = false
      if !takeByte(UInt8(ascii: "+")) { _ = takeByte(UInt8(ascii: "-")) }
      try digits()
    }
    if whole, let value = integer(firstDigit..<integerEnd, negative: negative) { return .integer(value) }
    guard position - start <= 4096 else { throw JSONProblem(.invalidNumber, at: start) }
    if whole { return .wideInteger(ascii(start..<position)) }
    guard let value = Double(ascii(start..<position)), value.isFinite else {
      throw JSONProblem(.invalidNumber, at: start)
    }
    return .number(value)
  }

  private mutating func takeByte(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    advance()
    return true
  }

  private mutating func digits() throws(JSONProblem) {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { advance() }
    guard position > start else {
      throw JSONProblem(position < bytes.count ? .unexpectedCharacter : .unexpectedEnd, at: position)
    }
  }

  private func integer(_ range: Range<Int>, negative: Bool) -> Int64? {
    var value: Int64 = 0
    for index in range {
      let digit = Int64(bytes[index] - UInt8(ascii: "0"))
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) =
        negative
        ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
      if overflow || carry { return nil }
      value = sum
    }
    return value
  }

  private func ascii(_ range: Range<Int>) -> String {
    var text = ""
    for index in range { text.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
    return text
  }
}
