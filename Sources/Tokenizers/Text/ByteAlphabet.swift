// SPDX-License-Identifier: Apache-2.0
// GPT-2's alphabet: every byte as one printable character, so that BPE can work on text.
// Bytes 33-126, 161-172 and 174-255 stand for themselves, the others for U+0100 onwards in order.

/// Bytes and the characters that stand for them.
enum ByteAlphabet {
  /// The character of each byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 256
    return (0..<256).map { byte -> Unicode.Scalar in
      if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
        return Unicode.Scalar(UInt8(byte))
      }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? "?"
    }
  }()

  /// The UTF-8 form of each byte's character.
  static let encoded: [[UInt8]] = scalars.map { Array(String($0).utf8) }

  /// The byte of a character below U+0144; -1 when there is none.
  private static let byteOf: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
    return table
  }()

  /// Bytes as text of the alphabet.
  static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    for byte in bytes { output.append(contentsOf: encoded[Int(byte)]) }
    return output
  }

  /// Text of the alphabet as bytes; nil when a character is not of the alphabet.
  static func decode(_ text: String) -> [UInt8]? {
    var output: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard scalar.value < byteOf.count, byteOf[Int(scalar.value)] >= 0 else { return nil }
      output.append(UInt8(byteOf[Int(scalar.value)]))
    }
    return output
  }
}
