// SPDX-License-Identifier: Apache-2.0
// Tokens to text.

extension Tokenizer {
  /// The text of tokens; numbers without a token are passed over, and bytes that are not UTF-8 become U+FFFD.
  /// - Parameter skipSpecial: leaves control tokens out.
  public func decode(_ ids: [TokenID], skipSpecial: Bool = false) -> String {
    String(decoding: decodedBytes(ids, skipSpecial: skipSpecial), as: UTF8.self)
  }

  /// A decoder for tokens that arrive one by one.
  public func makeStreamDecoder(skipSpecial: Bool = false) -> StreamDecoder {
    StreamDecoder(self, skipsSpecial: skipSpecial)
  }

  /// Whether a token adds nothing to a text.
  func isInvisible(_ id: TokenID, skipsSpecial: Bool) -> Bool {
    skipsSpecial && skipped.contains(id) || shownAdded[id] == nil && modelText(id) == nil
  }

  /// The text of tokens, valid UTF-8.
  func decodedBytes(_ ids: [TokenID], skipSpecial: Bool) -> [UInt8] {
    let visible = skipSpecial ? ids.filter { !skipped.contains($0) } : ids
    if case .byteLevel? = decoder { return visible.flatMap { bytes(of: $0) ?? [] }.repaired }
    let tokens = visible.compactMap { shownAdded[$0] ?? modelText($0) }
    return decoder.map { Array($0.apply(tokens).joined()) } ?? Array(tokens.joined(separator: [0x20]))
  }
}
