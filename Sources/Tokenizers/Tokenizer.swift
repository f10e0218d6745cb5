// SPDX-License-Identifier: Apache-2.0
// Text to tokens and back, as the `tokenizers` library does it for the same tokenizer.json.

import Basics
import Synchronization

/// A tokenizer; safe to use from any thread.
public final class Tokenizer: Sendable {
  let model: BPE
  let normalizer: Normalizer?
  let preTokenizer: PreTokenizer?
  let postProcessor: PostProcessor?
  let decoder: Decoder?
  let added: [TokenID: AddedToken]
  private let rawFinder: AddedTokenFinder
  private let normalizedFinder: AddedTokenFinder
  /// Words met before: text repeats itself.
  private let cache = Mutex<[[UInt8]: [TokenID]]>([:])
  private static let cacheLimit = 1 << 16

  init(
    model: BPE, normalizer: Normalizer?, preTokenizer: PreTokenizer?, postProcessor: PostProcessor?,
    decoder: Decoder?, added: [AddedToken]
  ) {
    self.model = model
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.postProcessor = postProcessor
    self.decoder = decoder
    self.added = Dictionary(added.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
    rawFinder = AddedTokenFinder(added.filter { !$0.isNormalized }.map { (Array($0.content.utf8), $0) })
    normalizedFinder = AddedTokenFinder(
      added.filter(\.isNormalized).map { (Array((normalizer?.apply($0.content) ?? $0.content).utf8), $0) })
  }

  /// One more than the largest token number.
  public var vocabularySize: Int { max(model.vocabulary.idLimit, Int((added.keys.max() ?? -1) + 1)) }

  /// The number of a token by its exact text.
  public func id(of token: String) -> TokenID? {
    added.values.first { $0.content.utf8.elementsEqual(token.utf8) }?.id ?? model.vocabulary.id(Array(token.utf8))
  }

  /// The text of a token as the vocabulary writes it.
  public func token(of id: TokenID) -> String? {
    added[id]?.content ?? model.vocabulary.bytes(id).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether a token is a control token.
  public func isSpecial(_ id: TokenID) -> Bool { added[id]?.isSpecial ?? false }

  // MARK: Encoding

  /// The tokens of a text.
  /// - Parameters:
  ///   - addSpecialTokens: puts the model's own tokens around it (such as a beginning of sequence).
  ///   - parseSpecial: takes control tokens in the text for what they are; otherwise they are plain text.
  public func encode(_ text: String, addSpecialTokens: Bool = true, parseSpecial: Bool = true) -> [TokenID] {
    encode([text], addSpecialTokens: addSpecialTokens, parseSpecial: parseSpecial).ids
  }

  /// The tokens of bytes; what is not UTF-8 becomes U+FFFD, one for each maximal part.
  public func encode(bytes: [UInt8], addSpecialTokens: Bool = true, parseSpecial: Bool = true) -> [TokenID] {
    encode(String(decoding: bytes, as: UTF8.self), addSpecialTokens: addSpecialTokens, parseSpecial: parseSpecial)
  }

  /// The tokens of two texts, with the type (first or second) of each.
  public func encodePair(
    _ first: String, _ second: String, addSpecialTokens: Bool = true, parseSpecial: Bool = true
  ) -> (ids: [TokenID], types: [Int32]) {
    let encoding = encode([first, second], addSpecialTokens: addSpecialTokens, parseSpecial: parseSpecial)
    return (encoding.ids, encoding.types)
  }

  private func encode(_ texts: [String], addSpecialTokens: Bool, parseSpecial: Bool) -> PostProcessor.Encoding {
    var parts = texts.enumerated().map { index, text in
      let ids = plain(text, parseSpecial: parseSpecial)
      return PostProcessor.Encoding(ids: ids, types: ids.map { _ in Int32(index) })
    }
    if let postProcessor { parts = postProcessor.apply(parts, addsSpecial: addSpecialTokens) }
    return parts.reduce(into: PostProcessor.Encoding()) {
      $0.ids += $1.ids
      $0.types += $1.types
    }
  }

  /// Tokens without those the post-processor adds.
  private func plain(_ text: String, parseSpecial: Bool) -> [TokenID] {
    var ids: [TokenID] = []
    let bytes = Array(text.utf8)
    for part in rawFinder.split(bytes, takesSpecial: parseSpecial) {
      switch part {
      case .token(let token): ids.append(token.id)
      case .text(let range):
        let piece = String(decoding: bytes[range], as: UTF8.self)
        let normalized = Array((normalizer?.apply(piece) ?? piece).utf8)
        normalizedText(normalized, isFirst: range.lowerBound == 0, parseSpecial, into: &ids)
      }
    }
    return ids
  }

  private func normalizedText(_ text: [UInt8], isFirst: Bool, _ parseSpecial: Bool, into ids: inout [TokenID]) {
    for part in normalizedFinder.split(text, takesSpecial: parseSpecial) {
      switch part {
      case .token(let token): ids.append(token.id)
      case .text(let range):
        let piece = Piece(bytes: Array(text[range]), isFirst: isFirst && range.lowerBound == 0)
        for word in preTokenizer?.apply([piece]) ?? [piece] where !word.bytes.isEmpty { encode(word.bytes, into: &ids) }
      }
    }
  }

  private func encode(_ word: [UInt8], into ids: inout [TokenID]) {
    if let known = cache.withLock({ $0[word] }) {
      ids += known
      return
    }
    var tokens: [TokenID] = []
    model.encode(word, into: &tokens)
    ids += tokens
    guard word.count <= 64 else { return }
    cache.withLock { if $0.count < Self.cacheLimit { $0[word] = tokens } }
  }

  // MARK: Decoding

  /// The text of tokens; numbers without a token are passed over.
  public func decode(_ ids: [TokenID], skipSpecial: Bool = false) -> String {
    let tokens = ids.filter { !(skipSpecial && isSpecial($0)) }.compactMap(shown)
    return decoder.map { $0.apply(tokens).joined() } ?? tokens.joined(separator: " ")
  }

  /// The text a token decodes to: added tokens found in normalized text appear as they are found.
  private func shown(_ id: TokenID) -> String? {
    guard let token = added[id], token.isNormalized, let normalizer else { return self.token(of: id) }
    return normalizer.apply(token.content)
  }

  /// A decoder for tokens that arrive one by one.
  public func makeStreamDecoder(skipSpecial: Bool = false) -> StreamDecoder {
    StreamDecoder(self, skipsSpecial: skipSpecial)
  }
}
