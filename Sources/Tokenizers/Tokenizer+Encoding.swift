// SPDX-License-Identifier: Apache-2.0
// Text to tokens: added tokens are cut out, the rest is normalized, searched once more, cut into words, and each
// word is given to the model.

/// A part of a prompt.
public struct PromptSegment: Sendable {
  public var text: String
  /// Whether control tokens in it are meant: true for what a template writes, false for what people write.
  public var isTrusted: Bool

  public init(_ text: String, isTrusted: Bool) {
    self.text = text
    self.isTrusted = isTrusted
  }
}

extension Tokenizer {
  /// The tokens of a text.
  /// - Parameters:
  ///   - addSpecialTokens: puts the model's own tokens around it (such as a beginning of sequence).
  ///   - parseSpecial: takes control tokens in the text for what they are; otherwise they are plain text. Added
  ///     tokens that are not control tokens are found either way.
  public func encode(_ text: String, addSpecialTokens: Bool = true, parseSpecial: Bool = true) -> [TokenID] {
    encode([Array(text.utf8)], [], addSpecialTokens: addSpecialTokens, parseSpecial: parseSpecial).ids
  }

  /// The tokens of bytes; what is not UTF-8 becomes U+FFFD, one for each maximal part.
  public func encode(bytes: [UInt8], addSpecialTokens: Bool = true, parseSpecial: Bool = true) -> [TokenID] {
    encode([bytes.repaired], [], addSpecialTokens: addSpecialTokens, parseSpecial: parseSpecial).ids
  }

  /// The tokens of two texts, with the type (first or second) of each.
  public func encodePair(
    _ first: String, _ second: String, addSpecialTokens: Bool = true, parseSpecial: Bool = true
  ) -> (ids: [TokenID], types: [Int32]) {
    let texts = [Array(first.utf8), Array(second.utf8)]
    let encoding = encode(texts, [], addSpecialTokens: addSpecialTokens, parseSpecial: parseSpecial)
    return (encoding.ids, encoding.types)
  }

  /// The tokens of a text put together from parts. Words may reach across parts; control tokens are only found
  /// where all of them is trusted.
  public func encode(segments: [PromptSegment], addSpecialTokens: Bool = false) -> [TokenID] {
    var text: [UInt8] = []
    var untrusted: [Range<Int>] = []
    for segment in segments {
      let start = text.count
      text += segment.text.utf8
      if !segment.isTrusted && text.count > start { untrusted.append(start..<text.count) }
    }
    return encode([text], untrusted, addSpecialTokens: addSpecialTokens, parseSpecial: true).ids
  }

  private func encode(
    _ texts: [[UInt8]], _ untrusted: [Range<Int>], addSpecialTokens: Bool, parseSpecial: Bool
  ) -> Encoding {
    var parts = withWorkspace { space in
      texts.enumerated().map { index, text in
        var ids: [TokenID] = []
        ids.reserveCapacity(text.count / 3 + 8)
        plain(text, untrusted, parseSpecial: parseSpecial, space, into: &ids)
        return Encoding(ids, type: Int32(index))
      }
    }
    if let postProcessor { parts = postProcessor.apply(parts, addsSpecial: addSpecialTokens) }
    return parts.count == 1 ? parts[0] : parts.reduce(Encoding(), +)
  }

  /// Appends tokens without those the post-processor adds.
  private func plain(
    _ text: [UInt8], _ untrusted: [Range<Int>], parseSpecial: Bool, _ space: Workspace, into ids: inout [TokenID]
  ) {
    func isTrusted(_ range: Range<Int>) -> Bool { parseSpecial && !untrusted.contains { $0.overlaps(range) } }
    for piece in rawFinder.split(text, allowsSpecial: isTrusted) {
      switch piece {
      case .token(let token): ids.append(token.id)
      case .text(let range):
        let part = range.count == text.count ? text : Array(text[range])
        var normalized = NormalizedText(bytes: part, startsAtOrigin: range.lowerBound == 0)
        normalizer?.apply(&normalized)
        self.normalized(normalized, allowsSpecial: isTrusted(range), space, into: &ids)
      }
    }
  }

  private func normalized(
    _ text: NormalizedText, allowsSpecial: Bool, _ space: Workspace, into ids: inout [TokenID]
  ) {
    for piece in normalizedFinder.split(text.bytes, allowsSpecial: { _ in allowsSpecial }) {
      switch piece {
      case .token(let token): ids.append(token.id)
      case .text(let range):
        let part = range.count == text.bytes.count ? text.bytes : Array(text.bytes[range])
        var pieces = Pieces(part, startsAtOrigin: text.startsAtOrigin && range.lowerBound == 0)
        preTokenizer?.apply(&pieces)
        model.encode(pieces.bytes.span, pieces.ranges, space, into: &ids)
      }
    }
  }
}
