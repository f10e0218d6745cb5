// SPDX-License-Identifier: Apache-2.0
// Python's textwrap, as `wordwrap` uses it: tabs and white space stay as they are.

/// Breaks one paragraph into lines.
struct WordWrap {
  let width: Int
  let breaksLongWords: Bool
  let breaksOnHyphens: Bool

  private typealias Chunk = ArraySlice<Unicode.Scalar>

  /// The lines of a text, none longer than the width unless a word is.
  func lines(of text: Text) -> [Text] {
    var rest = Array(chunks(Array(text.string.unicodeScalars)).reversed())
    var lines: [Text] = []
    while !rest.isEmpty {
      if !lines.isEmpty, isSpace(rest[rest.count - 1]) { rest.removeLast() }
      var line: [Chunk] = []
      var length = 0
      while let chunk = rest.last, length + chunk.count <= width {
        line.append(chunk)
        length += chunk.count
        rest.removeLast()
      }
      if let chunk = rest.last, chunk.count > width { breakWord(&rest, &line, length) }
      if let last = line.last, isSpace(last) { line.removeLast() }
      if !line.isEmpty { lines.append(self.text(line)) }
    }
    return lines
  }

  private func text(_ chunks: [Chunk]) -> Text {
    var buffer = TextBuffer()
    for chunk in chunks { for scalar in chunk { buffer.append(scalar) } }
    return buffer.text
  }

  private func isSpace(_ chunk: Chunk) -> Bool { chunk.allSatisfy { CodePoint.isSpace($0.value) } }

  /// Puts a part of a word longer than a line on the line.
  private func breakWord(_ rest: inout [Chunk], _ line: inout [Chunk], _ length: Int) {
    let chunk = rest[rest.count - 1]
    if breaksLongWords {
      let space = width - length
      var end = chunk.startIndex + space
      if breaksOnHyphens, let hyphen = chunk[..<end].lastIndex(of: "-"), hyphen > chunk.startIndex,
        chunk[..<hyphen].contains(where: { $0 != "-" })
      {
        end = hyphen + 1
      }
      line.append(chunk[..<end])
      rest[rest.count - 1] = chunk[end...]
    } else if line.isEmpty {
      line.append(chunk)
      rest.removeLast()
    }
  }

  // MARK: Words

  private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || (0x09...0x0D).contains(scalar.value)
  }

  private func chunks(_ scalars: [Unicode.Scalar]) -> [Chunk] {
    var chunks: [Chunk] = []
    var start = 0
    while start < scalars.count {
      let end = chunkEnd(scalars, start)
      chunks.append(scalars[start..<end])
      start = end
    }
    return chunks
  }

  private func chunkEnd(_ scalars: [Unicode.Scalar], _ start: Int) -> Int {
    var end = start + 1
    if WordWrap.isBreak(scalars[start]) {
      while end < scalars.count, WordWrap.isBreak(scalars[end]) { end += 1 }
      return end
    }
    guard breaksOnHyphens else {
      while end < scalars.count, !WordWrap.isBreak(scalars[end]) { end += 1 }
      return end
    }
    if let dashEnd = dashEnd(scalars, start) { return dashEnd }
    while end < scalars.count, !WordWrap.isBreak(scalars[end]) {
      if breaksAfterHyphen(scalars, end) { return end + 1 }
      if dashEnd(scalars, end) != nil { return end }
      end += 1
    }
    return end
  }

  /// The end of two or more hyphens that stand for a dash between words.
  private func dashEnd(_ scalars: [Unicode.Scalar], _ start: Int) -> Int? {
    guard start > 0, scalars[start] == "-", start + 1 < scalars.count, scalars[start + 1] == "-" else { return nil }
    let before = scalars[start - 1]
    guard CodePoint.isWord(before) || "!\"'&.,?".unicodeScalars.contains(before) else { return nil }
    var end = start
    while end < scalars.count, scalars[end] == "-" { end += 1 }
    return end < scalars.count && CodePoint.isWord(scalars[end]) ? end : nil
  }

  /// Whether a line may break after the hyphen here: letters on both sides.
  private func breaksAfterHyphen(_ scalars: [Unicode.Scalar], _ place: Int) -> Bool {
    func isLetter(_ index: Int) -> Bool {
      scalars.indices.contains(index) && CodePoint.isWord(scalars[index]) && !CodePoint.isDecimal(scalars[index])
    }
    guard scalars[place] == "-" else { return false }
    let isAfterWord =
      isLetter(place - 1)
      && (isLetter(place - 2) || (place >= 3 && scalars[place - 2] == "-" && isLetter(place - 3)))
    guard isAfterWord, isLetter(place + 1) else { return false }
    return isLetter(place + 2)
      || (place + 2 < scalars.count && scalars[place + 2] == "-" && isLetter(place + 3))
  }
}
