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
  case wordPiece(prefix: [UInt8], cleansUp: Bool)
  case ctc(padding: Pattern, delimiter: Pattern, cleansUp: Bool)
  case strip(content: UInt32, start: Int, stop: Int)
  case replace(Pattern, with: [UInt8])
  case metaspace(replacement: UInt32, dropsFirst: Bool)

  /// The list after this step.
  func apply(_ tokens: [[UInt8]]) -> [[UInt8]] {
    switch self {
    case .sequence(let steps): return steps.reduce(tokens) { $1.apply($0) }
    case .byteLevel:
      return [tokens.flatMap { ByteAlphabet.decode($0.span) ?? $0 }.repaired]
    case .byteFallback: return Self.joinBytes(tokens)
    case .fuse: return [Array(tokens.joined())]
    case .wordSuffix(let suffix):
      return tokens.enumerated().map { index, token in
        Self.replace(suffix, in: token, with: index == tokens.count - 1 ? [] : [0x20])
      }
    case .wordPiece(let prefix, let cleansUp):
      return tokens.enumerated().map { index, token in
        var text = token
        if index > 0 { text = token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : [0x20] + token }
        return cleansUp ? Self.cleanedUp(text) : text
      }
    case .ctc(let padding, let delimiter, let cleansUp):
      let distinct = tokens.indices.filter { $0 == 0 || tokens[$0] != tokens[$0 - 1] }
      return distinct.compactMap { index in
        var text = Self.replace(padding, in: tokens[index], with: [])
        if cleansUp { text = Self.replace(delimiter, in: Self.cleanedUp(text), with: [0x20]) }
        return text.isEmpty ? nil : text
      }
    case .strip(let content, let start, let stop): return tokens.map { Self.strip($0, content, start, stop) }
    case .replace(let pattern, let content): return tokens.map { Self.replace(pattern, in: $0, with: content) }
    case .metaspace(let replacement, let dropsFirst):
      return tokens.enumerated().map { index, token in
        Self.unmark(token, replacement, blank: index > 0 || !dropsFirst)
      }
    }
  }

  /// What a token is in the middle of a text, in bytes.
  func middle(_ token: [UInt8]) -> [UInt8] {
    switch self {
    case .sequence(let steps): return steps.reduce(token) { $1.middle($0) }
    case .byteLevel: return ByteAlphabet.decode(token.span) ?? token
    case .byteFallback: return Self.byteValue(token).map { [$0] } ?? token
    case .fuse, .strip: return token
    case .wordSuffix(let suffix): return Self.replace(suffix, in: token, with: [0x20])
    case .metaspace(let replacement, _): return Self.unmark(token, replacement, blank: true)
    case .wordPiece, .ctc, .replace: return apply([[], token]).last ?? token
    }
  }

  private static func replace(_ pattern: Pattern, in text: [UInt8], with content: [UInt8]) -> [UInt8] {
    if text.isEmpty { return text }
    var result = NormalizedText(bytes: text, startsAtOrigin: false)
    result.replace(pattern, with: content)
    return result.bytes
  }

  /// Runs of `<0xNN>` become the text of their bytes, or one replacement character a byte.
  private static func joinBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var output: [[UInt8]] = []
    var bytes: [UInt8] = []
    func flush() {
      guard !bytes.isEmpty else { return }
      if (try? UTF8Span(validating: bytes.span)) != nil {
        output.append(bytes)
      } else {
        output += bytes.map { _ in [0xEF, 0xBF, 0xBD] }
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
  static func byteValue(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
  }

  private static func strip(_ token: [UInt8], _ content: UInt32, _ start: Int, _ stop: Int) -> [UInt8] {
    let text = token.span
    var (from, to) = (0, text.count)
    for _ in 0..<start where from < to {
      let (point, length) = text.scalar(at: from)
      guard point == content else { break }
      from += length
    }
    for _ in 0..<stop where to > from {
      let (point, length) = text.scalar(before: to)
      guard point == content else { break }
      to -= length
    }
    return Array(token[from..<to])
  }

  private static func unmark(_ token: [UInt8], _ replacement: UInt32, blank: Bool) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(token.count)
    token.span.forEachScalar { point, _ in
      if point != replacement { output.append(scalar: point) } else if blank { output.append(0x20) }
    }
    return output
  }

  private static let cleanups: [(Pattern, [UInt8])] = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (Pattern(literal: $0), Array($1.utf8)) }

  /// Takes away the blanks that cutting into words has put before punctuation and short forms.
  private static func cleanedUp(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(0x20) else { return text }
    return cleanups.reduce(text) { replace($1.0, in: $0, with: $1.1) }
  }
}
