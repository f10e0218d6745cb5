// SPDX-License-Identifier: Apache-2.0
// A SHA-256 as a value: 64 lower-case hex digits, checked before they can become a path.

/// A validated SHA-256 digest.
public struct Digest: Sendable, Hashable, CustomStringConvertible {
  /// 64 lower-case hex digits.
  public let hex: String

  /// Accepts exactly 64 lower-case hex digits.
  public init?(hex: String) {
    guard Hex.isLowercase(hex, count: 64) else { return nil }
    self.hex = hex
  }

  /// Accepts the OCI form `sha256:…`.
  public init?(_ text: String) {
    guard text.hasPrefix("sha256:") else { return nil }
    self.init(hex: String(text.dropFirst(7)))
  }

  package init(raw: [UInt8]) { hex = Hex.text(raw) }

  /// The OCI form `sha256:…`.
  public var description: String { "sha256:\(hex)" }
  /// The first twelve digits, for tables.
  public var short: String { String(hex.prefix(12)) }

  /// Digest of bytes in memory.
  public static func of(_ bytes: [UInt8]) -> Digest {
    var hasher = SHA256()
    hasher.update(bytes.span)
    return hasher.digest
  }

  /// Digest of a whole file, read in pieces of 1 MiB.
  public static func ofFile(_ path: String) throws(FileProblem) -> Digest {
    let file = try OpenFile.reading(path)
    var hasher = SHA256()
    try file.forEachPiece(ofByteCount: 1 << 20) { hasher.update($0) }
    return hasher.digest
  }
}

/// Hexadecimal text.
public enum Hex {
  /// Two lower-case digits a byte.
  public static func text(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var output: [UInt8] = []
    for byte in bytes {
      output.append(digits[Int(byte >> 4)])
      output.append(digits[Int(byte & 15)])
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// Whether the text is exactly `count` digits of 0-9 and a-f.
  public static func isLowercase(_ text: String, count: Int) -> Bool {
    text.utf8.count == count
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  /// The bytes of hex digits of either case; nil when it is none.
  public static func bytes(_ text: String) -> [UInt8]? {
    var output: [UInt8] = []
    var high: UInt8?
    for character in text {
      guard character.isASCII, let digit = character.hexDigitValue else { return nil }
      if let first = high {
        output.append(first << 4 | UInt8(digit))
        high = nil
      } else {
        high = UInt8(digit)
      }
    }
    return high == nil ? output : nil
  }
}
