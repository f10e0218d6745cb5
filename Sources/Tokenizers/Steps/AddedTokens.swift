// SPDX-License-Identifier: Apache-2.0
// Tokens that are found in the text before anything else: control tokens and additions to the vocabulary.
// Matches are the leftmost longest; a match that its flags forbid still hides what overlaps it, as in the reference.

/// An added token with its flags.
struct AddedToken: Sendable {
  var id: TokenID
  var content: String
  var isSpecial = false
  /// Takes the whitespace before it.
  var stripsLeft = false
  /// Takes the whitespace after it.
  var stripsRight = false
  /// Only between non-word characters.
  var isSingleWord = false
  /// Is looked for in the normalized text.
  var isNormalized = false
}

/// Finds added tokens of one kind (normalized or not).
struct AddedTokenFinder: Sendable {
  private var tokens: [AddedToken] = []
  /// Patterns and their places in `tokens`.
  private var patterns: Vocabulary
  /// Lengths of the patterns that begin with a byte, longest first.
  private var lengths: [[Int]] = Array(repeating: [], count: 256)

  init(_ entries: [(pattern: [UInt8], token: AddedToken)]) {
    patterns = Vocabulary(capacity: entries.count)
    for (pattern, token) in entries {
      guard let first = pattern.first, patterns.append(pattern[...], id: tokens.count) else { continue }
      tokens.append(token)
      if !lengths[Int(first)].contains(pattern.count) { lengths[Int(first)].append(pattern.count) }
    }
    patterns.index()
    for index in lengths.indices { lengths[index].sort(by: >) }
  }

  /// A stretch of text, or a token found in it.
  enum Piece { case text(Range<Int>), token(AddedToken) }

  /// Cuts the text at the tokens in it.
  /// - Parameter allowsSpecial: whether a special token may be found at a place.
  func split(_ text: [UInt8], allowsSpecial: (Range<Int>) -> Bool) -> [Piece] {
    if tokens.isEmpty { return text.isEmpty ? [] : [.text(0..<text.count)] }
    var pieces: [Piece] = []
    var done = 0
    var position = 0
    let bytes = text.span
    while position < bytes.count {
      let choices = lengths[Int(bytes[position])]
      guard !choices.isEmpty, let (token, end) = match(bytes, position, choices) else {
        position += 1
        continue
      }
      var start = position
      var stop = end
      position = end
      if token.isSpecial && !allowsSpecial(start..<end) { continue }
      if token.isSingleWord && !(isBoundary(before: start, bytes) && isBoundary(after: end, bytes)) { continue }
      if token.stripsLeft { start = max(done, whitespaceStart(before: start, bytes, from: done)) }
      if token.stripsRight { stop = whitespaceEnd(after: end, bytes) }
      if start > done { pieces.append(.text(done..<start)) }
      // Whitespace that the token before has taken may leave nothing, or begin again before its end.
      if start < stop { pieces.append(.token(token)) }
      done = stop
    }
    if done < text.count { pieces.append(.text(done..<text.count)) }
    return pieces
  }

  private func match(_ text: Span<UInt8>, _ start: Int, _ choices: [Int]) -> (AddedToken, end: Int)? {
    for length in choices where start + length <= text.count {
      let found = patterns.find(text, start, length)
      if found >= 0 { return (tokens[Int(found)], start + length) }
    }
    return nil
  }

  private func isBoundary(before index: Int, _ text: Span<UInt8>) -> Bool {
    index == 0 || !CharacterTable.traits(text.scalar(before: index).value).contains(.word)
  }

  private func isBoundary(after index: Int, _ text: Span<UInt8>) -> Bool {
    index == text.count || !CharacterTable.traits(text.scalar(at: index).value).contains(.word)
  }

  private func whitespaceStart(before index: Int, _ text: Span<UInt8>, from limit: Int) -> Int {
    var start = index
    while start > limit {
      let (point, length) = text.scalar(before: start)
      guard CharacterTable.traits(point).contains(.whitespace) else { break }
      start -= length
    }
    return start
  }

  private func whitespaceEnd(after index: Int, _ text: Span<UInt8>) -> Int {
    var end = index
    while end < text.count {
      let (point, length) = text.scalar(at: end)
      guard CharacterTable.traits(point).contains(.whitespace) else { break }
      end += length
    }
    return end
  }
}
