// SPDX-License-Identifier: Apache-2.0
// GPT-2's alphabet: every byte as one printable character, so that BPE can work on text.
// Bytes 33-126, 161-172 and 174-255 stand for themselves, the others for U+0100 onwards in order.

/// Bytes and the characters that stand for them.
enum ByteAlphabet {
  /// The code point of each byte.
  static let points: [UInt32] = {
    var next: UInt32 = 255
    return (0..<256).map { byte -> UInt32 in
      if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) { return UInt32(byte) }
      next += 1
      return next
    }
  }()

  /// The byte of a code point below U+0144; -1 when there is none.
  static let bytes: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    for (byte, point) in points.enumerated() { table[Int(point)] = Int16(byte) }
    return table
  }()

  /// Bytes as text of the alphabet.
  static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    for byte in bytes { output.append(scalar: points[Int(byte)]) }
    return output
  }

  /// Text of the alphabet as bytes; nil when a character is not of the alphabet.
  static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    var output: [UInt8] = []
    output.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let (point, length) = text.scalar(at: index)
      guard point < 0x144, bytes[Int(point)] >= 0 else { return nil }
      output.append(UInt8(truncatingIfNeeded: bytes[Int(point)]))
      index += length
    }
    return output
  }
}
