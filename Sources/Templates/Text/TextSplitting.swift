// SPDX-License-Identifier: Apache-2.0
// Python's ways to take text apart: strip, split, rsplit, splitlines, partition.

extension Text {
  /// `strip`, `lstrip`, `rstrip`: removes white space, or the code points of `characters`.
  func trimmed(start trimStart: Bool = true, end trimEnd: Bool = true, of characters: Text? = nil)
    -> Text
  {
    let set = characters.map { Set($0.string.unicodeScalars.map(\.value)) }
    func drops(_ value: UInt32) -> Bool { set?.contains(value) ?? CodePoint.isSpace(value) }
    var start = 0
    var end = bytes.count
    while trimStart, start < end {
      let (value, length) = scalar(at: start)
      guard drops(value) else { break }
      start += length
    }
    while trimEnd, end > start {
      let last = self.start(before: end)
      guard drops(scalar(at: last).value) else { break }
      end = last
    }
    return part(start..<end)
  }

  /// `split(separator, limit)`.
  func split(on separator: Text, atMost limit: Int) -> [Text] {
    var parts: [Text] = []
    var start = 0
    for place in occurrences(of: separator, atMost: limit) {
      parts.append(part(start..<place))
      start = place + separator.bytes.count
    }
    parts.append(part(start..<bytes.count))
    return parts
  }

  /// `rsplit(separator, limit)`: a split of the mirrored text.
  func splitFromEnd(on separator: Text, atMost limit: Int) -> [Text] {
    let mirror = Text(bytes: bytes.reversed(), count: count)
    let mirroredSeparator = Text(bytes: separator.bytes.reversed(), count: separator.count)
    var parts: [Text] = []
    var end = bytes.count
    for place in mirror.occurrences(of: mirroredSeparator, atMost: limit) {
      let separatorEnd = bytes.count - place
      parts.append(part(separatorEnd..<end))
      end = separatorEnd - separator.bytes.count
    }
    parts.append(part(0..<end))
    return parts.reversed()
  }

  /// `split(None, limit)`: at runs of white space, none at the ends.
  func splitAtSpace(atMost limit: Int) -> [Text] {
    var parts: [Text] = []
    var offset = skipSpace(from: 0)
    while offset < bytes.count {
      if parts.count == limit {
        parts.append(part(offset..<bytes.count))
        break
      }
      let start = offset
      while offset < bytes.count {
        let (value, length) = scalar(at: offset)
        if CodePoint.isSpace(value) { break }
        offset += length
      }
      parts.append(part(start..<offset))
      offset = skipSpace(from: offset)
    }
    return parts
  }

  private func skipSpace(from start: Int) -> Int {
    var offset = start
    while offset < bytes.count {
      let (value, length) = scalar(at: offset)
      guard CodePoint.isSpace(value) else { break }
      offset += length
    }
    return offset
  }

  /// `rsplit(None, limit)`.
  func splitAtSpaceFromEnd(atMost limit: Int) -> [Text] {
    var parts: [Text] = []
    var end = trimmed(start: false).bytes.count
    while end > 0 {
      if parts.count == limit {
        parts.append(part(0..<end))
        break
      }
      var start = end
      while start > 0 {
        let before = self.start(before: start)
        if CodePoint.isSpace(scalar(at: before).value) { break }
        start = before
      }
      parts.append(part(start..<end))
      end = part(0..<start).trimmed(start: false).bytes.count
    }
    return parts.reversed()
  }

  /// `splitlines`.
  func lines(keepingEnds: Bool = false) -> [Text] {
    var lines: [Text] = []
    var start = 0
    var offset = 0
    while offset < bytes.count {
      let (value, length) = scalar(at: offset)
      guard CodePoint.isLineBreak(value) else {
        offset += length
        continue
      }
      var next = offset + length
      if value == 0x0D, next < bytes.count, bytes[next] == 0x0A { next += 1 }
      lines.append(part(start..<(keepingEnds ? next : offset)))
      start = next
      offset = next
    }
    if start < bytes.count { lines.append(part(start..<bytes.count)) }
    return lines
  }
}
