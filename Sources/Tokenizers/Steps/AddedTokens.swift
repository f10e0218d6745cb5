// SPDX-License-Identifier: Apache-2.0
// Tokens that are found in the text before anything else: control tokens and additions to the vocabulary.
// Matches are the leftmost longest, as the reference library's.

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
  private struct Entry: Sendable {
    let pattern: [UInt8]
    let token: AddedToken
  }

  /// Entries by first byte, longest first.
  private var entries: [[Entry]] = Array(repeating: [], count: 256)

  init(_ tokens: [(pattern: [UInt8], token: AddedToken)]) {
    for (pattern, token) in tokens {
      guard let first = pattern.first else { continue }
      entries[Int(first)].append(Entry(pattern: pattern, token: token))
    }
    for index in entries.indices { entries[index].sort { $0.pattern.count > $1.pattern.count } }
  }

  /// A stretch of text, or a token found in it.
  enum Part { case text(Range<Int>), token(AddedToken) }

  /// Cuts the text at the tokens in it.
  /// - Parameter takesSpecial: false leaves special tokens as text.
  func split(_ text: [UInt8], takesSpecial: Bool) -> [Part] {
    var parts: [Part] = []
    var done = 0
    var position = 0
    while position < text.count {
      guard let entry = match(text, at: position) else {
        position += 1
        continue
      }
      var start = position
      var end = position + entry.pattern.count
      position = end
      let token = entry.token
      if token.isSpecial && !takesSpecial { continue }
      if token.isSingleWord && !(isBoundary(before: start, text) && isBoundary(after: end, text)) { continue }
      if token.stripsLeft { start = max(done, whitespaceStart(before: start, text)) }
      if token.stripsRight { end = whitespaceEnd(after: end, text) }
      if start > done { parts.append(.text(done..<start)) }
      parts.append(.token(token))
      done = max(done, end)
    }
    if done < text.count { parts.append(.text(done..<text.count)) }
    return parts
  }

  private func match(_ text: [UInt8], at position: Int) -> Entry? {
    entries[Int(text[position])].first { entry in
      position + entry.pattern.count <= text.count
        && text[position..<(position + entry.pattern.count)].elementsEqual(entry.pattern)
    }
  }

  private func isBoundary(before index: Int, _ text: [UInt8]) -> Bool {
    String(decoding: text[..<index].suffix(4), as: UTF8.self).unicodeScalars.last.map { !$0.isWord } ?? true
  }

  private func isBoundary(after index: Int, _ text: [UInt8]) -> Bool {
    String(decoding: text[index...].prefix(4), as: UTF8.self).unicodeScalars.first.map { !$0.isWord } ?? true
  }

  private func whitespaceStart(before index: Int, _ text: [UInt8]) -> Int {
    var start = index
    for scalar in String(decoding: text[..<index], as: UTF8.self).unicodeScalars.reversed() {
      guard scalar.properties.isWhitespace else { break }
      start -= UTF8.width(scalar)
    }
    return start
  }

  private func whitespaceEnd(after index: Int, _ text: [UInt8]) -> Int {
    var end = index
    for scalar in String(decoding: text[index...], as: UTF8.self).unicodeScalars {
      guard scalar.properties.isWhitespace else { break }
      end += UTF8.width(scalar)
    }
    return end
  }
}
