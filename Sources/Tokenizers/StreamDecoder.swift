// SPDX-License-Identifier: Apache-2.0
// Text as tokens arrive: only whole characters leave, and their concatenation is the decoded whole. The steps are
// those of the reference library's DecodeStream, so that both give the same pieces.

/// Decodes one token after the other.
public struct StreamDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecial: Bool
  /// Tokens that may still change what comes next.
  private var ids: [TokenID] = []
  private var prefix: [UInt8] = []
  private var prefixIndex = 0

  /// Held back at most: no character is spread over more tokens, so what is held longer is broken anyway.
  private static let heldLimit = 64

  init(_ tokenizer: Tokenizer, skipsSpecial: Bool) {
    self.tokenizer = tokenizer
    self.skipsSpecial = skipsSpecial
  }

  /// Takes a token.
  /// - Returns: the text that is now certain; nil while a character is unfinished.
  public mutating func append(_ id: TokenID) -> String? {
    if tokenizer.isInvisible(id, skipsSpecial: skipsSpecial) { return nil }
    if prefix.isEmpty && !ids.isEmpty {
      let text = decoded()
      if !Self.isUnfinished(text) {
        prefix = text
        prefixIndex = ids.count
      }
    }
    ids.append(id)
    let text = decoded()
    let isOverdue = ids.count - prefixIndex > Self.heldLimit
    let isCertain = text.count > prefix.count && !Self.isUnfinished(text)
    guard isCertain || isOverdue else { return nil }
    let piece = Self.rest(of: text, after: prefix)
    ids.removeFirst(prefixIndex)
    prefix = decoded()
    prefixIndex = ids.count
    return piece.isEmpty && isOverdue ? nil : piece
  }

  /// Ends the stream.
  /// - Returns: what was held back, an unfinished character as U+FFFD; nil when nothing was.
  public mutating func finish() -> String? {
    let piece = Self.rest(of: decoded(), after: prefix)
    (ids, prefix, prefixIndex) = ([], [], 0)
    return piece.isEmpty ? nil : piece
  }

  private func decoded() -> [UInt8] { tokenizer.decodedBytes(ids, skipSpecial: skipsSpecial) }

  /// Whether a text ends with U+FFFD.
  private static func isUnfinished(_ text: [UInt8]) -> Bool { text.suffix(3).elementsEqual([0xEF, 0xBF, 0xBD]) }

  /// What follows the part both have in common, from the beginning of a character on.
  private static func rest(of text: [UInt8], after prefix: [UInt8]) -> String {
    var start = zip(text, prefix).prefix { $0 == $1 }.count
    while start > 0, start < text.count, text[start] & 0xC0 == 0x80 { start -= 1 }
    return String(decoding: text[start...], as: UTF8.self)
  }
}
