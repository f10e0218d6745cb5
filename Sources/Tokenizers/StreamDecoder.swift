// SPDX-License-Identifier: Apache-2.0
// Text as tokens arrive: only whole characters leave, and their concatenation is the decoded whole.

/// Decodes one token after the other.
public struct StreamDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecial: Bool
  /// Tokens that may still change what comes next.
  private var ids: [TokenID] = []
  private var prefix = ""
  private var prefixIndex = 0

  init(_ tokenizer: Tokenizer, skipsSpecial: Bool) {
    self.tokenizer = tokenizer
    self.skipsSpecial = skipsSpecial
  }

  /// Takes a token.
  /// - Returns: the text that is now certain; nil while a character is unfinished.
  public mutating func append(_ id: TokenID) -> String? {
    ids.append(id)
    let text = tokenizer.decode(ids, skipSpecial: skipsSpecial)
    guard text.utf8.count > prefix.utf8.count, text.unicodeScalars.last != "\u{FFFD}" else { return nil }
    let piece = Self.rest(of: text, after: prefix)
    ids.removeFirst(prefixIndex)
    prefix = tokenizer.decode(ids, skipSpecial: skipsSpecial)
    prefixIndex = ids.count
    return piece
  }

  /// Ends the stream.
  /// - Returns: what was held back, an unfinished character as U+FFFD; nil when nothing was.
  public mutating func finish() -> String? {
    let text = tokenizer.decode(ids, skipSpecial: skipsSpecial)
    let piece = Self.rest(of: text, after: prefix)
    ids = []
    prefix = ""
    prefixIndex = 0
    return piece.isEmpty ? nil : piece
  }

  /// What follows the part both have in common.
  private static func rest(of text: String, after prefix: String) -> String {
    var scalars = text.unicodeScalars[...]
    for scalar in prefix.unicodeScalars {
      guard scalars.first == scalar else { break }
      scalars.removeFirst()
    }
    return String(scalars)
  }
}
