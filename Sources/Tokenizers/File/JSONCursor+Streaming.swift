// SPDX-License-Identifier: Apache-2.0
// Steps over large JSON files without a tree: keys, strings as bytes, numbers, values passed over.

import Basics

extension JSONCursor {
  /// Reads an object, calling back with each key; the callback reads or passes the value.
  mutating func forEachKey(
    _ body: (String, inout JSONCursor) throws(JSONProblem) -> Void
  ) throws(JSONProblem) {
    try expect(UInt8(ascii: "{"))
    if try take(UInt8(ascii: "}")) { return }
    repeat {
      let key = try peek() == UInt8(ascii: "\"") ? string() : fail()
      try expect(UInt8(ascii: ":"))
      try body(key, &self)
    } while try take(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"))
  }

  private func fail() throws(JSONProblem) -> String { throw JSONProblem(.unexpectedCharacter, at: position) }

  /// Reads an array, calling back at each element.
  mutating func forEachElement(_ body: (inout JSONCursor) throws(JSONProblem) -> Void) throws(JSONProblem) {
    try expect(UInt8(ascii: "["))
    if try take(UInt8(ascii: "]")) { return }
    repeat { try body(&self) } while try passComma()
    try expect(UInt8(ascii: "]"))
  }

  /// Passes a value over. Only its brackets and strings are looked at.
  mutating func skipValue() throws(JSONProblem) {
    _ = try peek()
    var depth = 0
    repeat {
      guard position < bytes.count else { throw JSONProblem(.unexpectedEnd, at: position) }
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""): try skipString()
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        position += 1
      default: position += 1
      }
      if depth == 0, byte != UInt8(ascii: "\""), !isBoundary(byte), !isAtEnd, !isBoundary(bytes[position]) { continue }
      if depth == 0 { return }
    } while true
  }

  private func isBoundary(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D: true
    default: false
    }
  }

  private mutating func skipString() throws(JSONProblem) {
    position += 1
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"): position += 2
      default: position += 1
      }
    }
    throw JSONProblem(.unexpectedEnd, at: bytes.count)
  }

  /// Reads an integer that fits `Int`.
  mutating func integer() throws(JSONProblem) -> Int {
    let byte = try peek()
    let start = position
    var value = 0
    var index = start
    while index < bytes.count, bytes[index] &- 0x30 < 10, index - start < 18 {
      value = value * 10 + Int(bytes[index] - 0x30)
      index += 1
    }
    let isPlain = index > start && (index == bytes.count || isBoundary(bytes[index]))
    if isPlain && !(byte == 0x30 && index > start + 1) {
      position = index
      return value
    }
    guard let other = try number().intValue else { throw JSONProblem(.invalidNumber, at: start) }
    return other
  }

  /// Appends a string's bytes, valid UTF-8.
  mutating func string(into output: inout [UInt8]) throws(JSONProblem) {
    let start = try openQuote()
    var index = start
    var union: UInt8 = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      union |= byte
      index += 1
    }
    let isPlain = index < bytes.count && bytes[index] == UInt8(ascii: "\"")
    let isValid = isPlain && (union < 0x80 || (try? UTF8Span(validating: bytes.extracting(start..<index))) != nil)
    guard isValid else {
      // Escapes and faults are left to the general reader.
      position = start - 1
      output += try string().utf8
      return
    }
    for offset in start..<index { output.append(bytes[offset]) }
    position = index + 1
  }

  /// Passes an opening quote; returns the offset behind it.
  mutating func openQuote() throws(JSONProblem) -> Int {
    try pass(UInt8(ascii: "\""))
    return position
  }

  /// Passes a byte, which mostly stands right here.
  @inline(__always)
  mutating func pass(_ byte: UInt8) throws(JSONProblem) {
    if position < bytes.count && bytes[position] == byte { position += 1 } else { try expect(byte) }
  }

  /// Passes a comma if one comes next.
  @inline(__always)
  mutating func passComma() throws(JSONProblem) -> Bool {
    if position < bytes.count && bytes[position] == UInt8(ascii: ",") {
      position += 1
      return true
    }
    return try take(UInt8(ascii: ","))
  }
}
