// SPDX-License-Identifier: Apache-2.0
// From tokens back to text: the `decoder` of tokenizer.json.

/// One step that rewrites the list of token texts; their concatenation is the answer.
indirect enum Decoder: Sendable {
  case sequence([Decoder])
  case byteLevel
  case byteFallback
  case fuse
  /// Word ends marked by a suffix become blanks.
  case wordSuffix(Pattern)
  case strip(content: Unicode.Scalar, start: Int, stop: Int)
  case replace(Pattern, with: String)
  case metaspace(replacement: String, dropsFirst: Bool)

  /// The list after this step.
  func apply(_ tokens: [String]) -> [String] {
    switch self {
    case .sequence(let steps): return steps.reduce(tokens) { $1.apply($0) }
    case .byteLevel:
      var bytes: [UInt8] = []
      for token in tokens { bytes += ByteAlphabet.decode(token) ?? Array(token.utf8) }
      return [String(decoding: bytes, as: UTF8.self)]
    case .byteFallback: return Self.joinBytes(tokens)
    case .wordSuffix(let suffix):
      return tokens.enumerated().map { index, token in
        Normalizer.replace(suffix, with: index == tokens.count - 1 ? "" : " ").apply(token)
      }
    case .fuse: return [tokens.joined()]
    case .strip(let content, let start, let stop): return tokens.map { Self.strip($0, content, start, stop) }
    case .replace(let pattern, let content):
      return tokens.map { Normalizer.replace(pattern, with: content).apply($0) }
    case .metaspace(let replacement, let dropsFirst):
      return tokens.enumerated().map { index, token in
        var scalars = String.UnicodeScalarView()
        for (place, scalar) in token.unicodeScalars.enumerated() {
          if replacement.unicodeScalars.elementsEqual([scalar]) {
            if !(index == 0 && place == 0 && dropsFirst) { scalars.append(" ") }
          } else {
            scalars.append(scalar)
          }
        }
        return String(scalars)
      }
    }
  }

  /// Runs of `<0xNN>` become the text of their bytes, or one replacement character a byte.
  private static func joinBytes(_ tokens: [String]) -> [String] {
    var output: [String] = []
    var bytes: [UInt8] = []
    func flush() {
      guard !bytes.isEmpty else { return }
      if let text = String(validating: bytes, as: UTF8.self) {
        output.append(text)
      } else {
        output += bytes.map { _ in "\u{FFFD}" }
      }
      bytes = []
    }
    for token in tokens {
      if let byte = byteValue(token) {
        bytes.append(byte)
      } else {
        flush()
        output.append(token)
      }
    }
    flush()
    return output
  }

  /// The byte of a token `<0xNN>`.
  static func byteValue(_ token: String) -> UInt8? {
    guard token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
    return UInt8(token.dropFirst(3).dropLast(), radix: 16)
  }

  private static func strip(_ token: String, _ content: Unicode.Scalar, _ start: Int, _ stop: Int) -> String {
    var scalars = token.unicodeScalars[...]
    for _ in 0..<start where scalars.first == content { scalars.removeFirst() }
    for _ in 0..<stop where scalars.last == content { scalars.removeLast() }
    return String(scalars)
  }
}
