// SPDX-License-Identifier: Apache-2.0
// Python's str: a sequence of code points. Kept as UTF-8 with its code point count, so that text
// that is all ASCII is indexed directly. Swift's String is not used inside the interpreter: it
// compares by canonical equivalence and joins "\r\n" into one character.

/// An immutable string measured in code points.
struct Text: Sendable {
  /// Valid UTF-8.
  let bytes: [UInt8]
  /// Code points.
  let count: Int
  /// Whether the text counts as escaped HTML (markupsafe's `Markup`).
  let isMarkup: Bool

  init(bytes: [UInt8], count: Int, isMarkup: Bool = false) {
    self.bytes = bytes
    self.count = count
    self.isMarkup = isMarkup
  }

  init(_ string: String) { self.init(utf8: Array(string.utf8)) }

  init(utf8 bytes: [UInt8]) { self.init(bytes: bytes, count: Text.scalarCount(bytes)) }

  init(utf8 slice: ArraySlice<UInt8>) { self.init(utf8: Array(slice)) }

  init(_ scalar: Unicode.Scalar) {
    self.init(bytes: Array(UTF8.encode(scalar)!), count: 1)  // every scalar has an encoding
  }

  static let empty = Text(bytes: [], count: 0)

  var isEmpty: Bool { bytes.isEmpty }
  var isASCII: Bool { count == bytes.count }
  var string: String { String(decoding: bytes, as: UTF8.self) }

  /// The same text, marked as escaped HTML or not.
  func marked(_ isMarkup: Bool) -> Text {
    isMarkup == self.isMarkup ? self : Text(bytes: bytes, count: count, isMarkup: isMarkup)
  }

  static func scalarCount(_ bytes: [UInt8]) -> Int {
    var count = 0
    for byte in bytes where byte & 0xC0 != 0x80 { count += 1 }
    return count
  }
}

extension Text: Hashable, Comparable {
  static func == (left: Text, right: Text) -> Bool { left.bytes == right.bytes }

  func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

  /// UTF-8 sorts as code points do.
  static func < (left: Text, right: Text) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

extension Text: ExpressibleByStringLiteral {
  init(stringLiteral value: String) { self.init(value) }
}

// MARK: - Code points

extension Text {
  /// The code point that starts at a byte, and its length in bytes.
  func scalar(at offset: Int) -> (value: UInt32, length: Int) {
    let lead = bytes[offset]
    if lead < 0x80 { return (UInt32(lead), 1) }
    if lead < 0xE0 { return (UInt32(lead & 0x1F) << 6 | tail(offset + 1), 2) }
    if lead < 0xF0 {
      return (UInt32(lead & 0x0F) << 12 | tail(offset + 1) << 6 | tail(offset + 2), 3)
    }
    return (
      UInt32(lead & 0x07) << 18 | tail(offset + 1) << 12 | tail(offset + 2) << 6 | tail(offset + 3), 4
    )
  }

  private func tail(_ offset: Int) -> UInt32 { UInt32(bytes[offset] & 0x3F) }

  /// Start of the code point that ends before a byte offset greater than zero.
  func start(before offset: Int) -> Int {
    var start = offset - 1
    while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }

  /// Byte offset of a code point; `count` gives the end.
  func offset(of index: Int) -> Int {
    if isASCII { return index }
    var seen = 0
    for (offset, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
      if seen == index { return offset }
      seen += 1
    }
    return bytes.count
  }

  /// Code points before a byte offset.
  func index(of offset: Int) -> Int {
    if isASCII { return offset }
    var count = 0
    for byte in bytes[..<offset] where byte & 0xC0 != 0x80 { count += 1 }
    return count
  }

  /// Every code point as a text of its own.
  func elements() -> [Text] {
    var result: [Text] = []
    result.reserveCapacity(count)
    var offset = 0
    while offset < bytes.count {
      let length = scalar(at: offset).length
      result.append(Text(bytes: Array(bytes[offset..<offset + length]), count: 1))
      offset += length
    }
    return result
  }

  /// A range of code points.
  func slice(_ range: Range<Int>) -> Text {
    if range.lowerBound == 0, range.upperBound == count { return self }
    let start = offset(of: range.lowerBound)
    let end = isASCII ? range.upperBound : offset(of: range.upperBound)
    return Text(bytes: Array(bytes[start..<end]), count: range.count, isMarkup: isMarkup)
  }

  /// A range of bytes that starts and ends between code points.
  func part(_ range: Range<Int>) -> Text {
    if range.count == bytes.count { return self }
    let part = Array(bytes[range])
    return Text(
      bytes: part, count: isASCII ? part.count : Text.scalarCount(part), isMarkup: isMarkup)
  }

  /// The code points in reverse.
  func reversed() -> Text {
    if isASCII { return Text(bytes: bytes.reversed(), count: count, isMarkup: isMarkup) }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var end = bytes.count
    while end > 0 {
      let start = start(before: end)
      result += bytes[start..<end]
      end = start
    }
    return Text(bytes: result, count: count, isMarkup: isMarkup)
  }
}
