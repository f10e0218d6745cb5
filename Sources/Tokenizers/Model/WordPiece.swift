// SPDX-License-Identifier: Apache-2.0
// WordPiece, Bert's model: the longest token first, and a word that cannot be cut completely is unknown.
// WordLevel is the same without cutting.

/// The model of a WordPiece tokenizer.
struct WordPiece: Sendable {
  let vocabulary: Vocabulary
  let unknown: TokenID?
  let continuingPrefix: [UInt8]
  /// Longer words, in characters, are unknown.
  let longestWord: Int

  /// The tokens of one word.
  func encode(_ text: Span<UInt8>, _ range: Range<Int>, into output: inout [TokenID]) {
    let before = output.count
    if characterCount(text, range) <= longestWord, cut(text, range, into: &output) { return }
    output.removeLast(output.count - before)
    if let unknown { output.append(unknown) }
  }

  private func characterCount(_ text: Span<UInt8>, _ range: Range<Int>) -> Int {
    var count = 0
    for index in range where text[index] & 0xC0 != 0x80 { count += 1 }
    return count
  }

  private func cut(_ text: Span<UInt8>, _ range: Range<Int>, into output: inout [TokenID]) -> Bool {
    // The rest of the word behind the prefix, so that all candidates are parts of one buffer.
    var word = continuingPrefix
    for index in range { word.append(text[index]) }
    let prefix = continuingPrefix.count
    var start = prefix
    while start < word.count {
      let isFirst = start == prefix
      let from = isFirst ? start : start - prefix
      if !isFirst { for index in 0..<prefix { word[from + index] = continuingPrefix[index] } }
      var end = min(word.count, from + vocabulary.longest)
      while end < word.count && end > start && word[end] & 0xC0 == 0x80 { end -= 1 }
      var token: TokenID = -1
      while end > start {
        token = vocabulary.find(word.span, from, end - from)
        if token >= 0 { break }
        repeat { end -= 1 } while end > start && word[end] & 0xC0 == 0x80
      }
      guard token >= 0 else { return false }
      output.append(token)
      start = end
    }
    return true
  }
}

/// The model of a WordLevel tokenizer: a word is a token or unknown.
struct WordLevel: Sendable {
  let vocabulary: Vocabulary
  let unknown: TokenID?

  func encode(_ text: Span<UInt8>, _ range: Range<Int>, into output: inout [TokenID]) {
    let token = vocabulary.find(text, range.lowerBound, range.count)
    if token >= 0 { output.append(token) } else if let unknown { output.append(unknown) }
  }
}
