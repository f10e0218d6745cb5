// SPDX-License-Identifier: Apache-2.0
// Growing text: the output of a template, and every string put together from parts.

/// Collects text; counts code points on the way.
struct TextBuffer {
  var bytes: [UInt8] = []
  var count = 0

  mutating func append(_ text: Text) {
    bytes += text.bytes
    count += text.count
  }

  mutating func append(_ string: String) {
    for byte in string.utf8 { appendByte(byte) }
  }

  /// Appends a byte of UTF-8.
  mutating func appendByte(_ byte: UInt8) {
    bytes.append(byte)
    if byte & 0xC0 != 0x80 { count += 1 }
  }

  mutating func append(_ scalar: Unicode.Scalar) {
    if scalar.isASCII {
      bytes.append(UInt8(scalar.value))
    } else {
      bytes += UTF8.encode(scalar)!  // every scalar has an encoding
    }
    count += 1
  }

  /// Appends valid UTF-8 that ends between code points.
  mutating func append(_ slice: ArraySlice<UInt8>) {
    bytes += slice
    for byte in slice where byte & 0xC0 != 0x80 { count += 1 }
  }

  var text: Text { Text(bytes: bytes, count: count) }
}
