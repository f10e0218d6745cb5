// SPDX-License-Identifier: Apache-2.0
// Looking for control words in answers that come in thousands of pieces: none of them is looked at twice as a whole.

extension String {
  /// Length of the longest end of the text that is a beginning of a word of ASCII, in characters.
  func commonEnd(withBeginningOf word: String) -> Int {
    let (word, text) = (Array(word), Array(suffix(word.count)))
    for count in stride(from: min(word.count - 1, text.count), to: 0, by: -1)
    where text.suffix(count).elementsEqual(word.prefix(count)) {
      return count
    }
    return 0
  }

  /// Where a word of ASCII stands, at this byte or behind it.
  func range(of word: String, from byte: Int) -> Range<String.Index>? {
    let word = Array(word.utf8)
    var place = utf8.index(utf8.startIndex, offsetBy: min(byte, utf8.count))
    while let start = utf8[place...].firstIndex(of: word[0]) {
      if utf8[start...].starts(with: word) { return start..<utf8.index(start, offsetBy: word.count) }
      place = utf8.index(after: start)
    }
    return nil
  }
}
