// SPDX-License-Identifier: Apache-2.0
// Code points in bytes that are valid UTF-8. Cut-off bytes at the end read as U+FFFD instead of trapping.

extension Span<UInt8> {
  /// The code point that begins at an offset and its length in bytes (at least 1).
  @inline(__always)
  func scalar(at index: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(self[index])
    if first < 0x80 { return (first, 1) }
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    guard index + length <= count else { return (0xFFFD, count - index) }
    let second = UInt32(self[index + 1] & 0x3F)
    if length == 2 { return ((first & 0x1F) << 6 | second, 2) }
    let third = UInt32(self[index + 2] & 0x3F)
    if length == 3 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
    return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(self[index + 3] & 0x3F), 4)
  }

  /// The code point that ends before an offset and its length in bytes.
  func scalar(before index: Int) -> (value: UInt32, length: Int) {
    var start = index - 1
    while start > 0 && index - start < 4 && self[start] & 0xC0 == 0x80 { start -= 1 }
    return (scalar(at: start).value, index - start)
  }

  /// Calls back with each code point and the offset it begins at.
  @inline(__always)
  func forEachScalar(from start: Int = 0, to end: Int? = nil, _ body: (UInt32, Int) -> Void) {
    var index = start
    let end = end ?? count
    while index < end {
      let (value, length) = scalar(at: index)
      body(value, index)
      index += length
    }
  }

  /// Whether all bytes are below 128.
  var isASCII: Bool {
    var union: UInt8 = 0
    for index in 0..<count { union |= self[index] }
    return union < 0x80
  }
}

extension [UInt8] {
  /// Appends the UTF-8 form of a code point.
  @inline(__always)
  mutating func append(scalar: UInt32) {
    switch scalar {
    case ..<0x80: append(UInt8(truncatingIfNeeded: scalar))
    case ..<0x800:
      append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    case ..<0x10000:
      append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    default:
      append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    }
  }

  /// The bytes with every maximal part that is not UTF-8 replaced by U+FFFD.
  var repaired: [UInt8] {
    if (try? UTF8Span(validating: span)) != nil { return self }
    return Array(String(decoding: self, as: UTF8.self).utf8)
  }
}
