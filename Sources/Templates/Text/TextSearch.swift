// SPDX-License-Identifier: Apache-2.0
// Finding text in text, in linear time: templates and conversations may be hostile together.

extension Text {
  /// First byte offset of a needle within a range of bytes.
  func firstOffset(of needle: Text, in range: Range<Int>) -> Int? {
    let pattern = needle.bytes
    guard let first = pattern.first else { return range.lowerBound }
    guard pattern.count <= range.count else { return nil }
    if pattern.count > 16 { return searchLong(pattern, in: range) }
    let last = range.upperBound - pattern.count
    var start = range.lowerBound
    outer: while start <= last {
      guard bytes[start] == first else {
        start += 1
        continue
      }
      var index = 1
      while index < pattern.count {
        if bytes[start + index] != pattern[index] {
          start += 1
          continue outer
        }
        index += 1
      }
      return start
    }
    return nil
  }

  /// Last byte offset of a needle within a range of bytes.
  func lastOffset(of needle: Text, in range: Range<Int>) -> Int? {
    if needle.isEmpty { return range.upperBound }
    if needle.bytes.count > 16 {
      let mirrored = Text(bytes: bytes[range].reversed(), count: 0)
      let pattern = Array(needle.bytes.reversed())
      guard let found = mirrored.searchLong(pattern, in: 0..<range.count) else { return nil }
      return range.upperBound - found - pattern.count
    }
    var start = range.upperBound - needle.bytes.count
    outer: while start >= range.lowerBound {
      for (index, byte) in needle.bytes.enumerated() where bytes[start + index] != byte {
        start -= 1
        continue outer
      }
      return start
    }
    return nil
  }

  /// Knuth, Morris, Pratt: linear whatever the needle repeats.
  private func searchLong(_ pattern: [UInt8], in range: Range<Int>) -> Int? {
    var fallback = [Int](repeating: 0, count: pattern.count)
    var matched = 0
    for index in 1..<pattern.count {
      while matched > 0, pattern[index] != pattern[matched] { matched = fallback[matched - 1] }
      if pattern[index] == pattern[matched] { matched += 1 }
      fallback[index] = matched
    }
    matched = 0
    for offset in range {
      while matched > 0, bytes[offset] != pattern[matched] { matched = fallback[matched - 1] }
      if bytes[offset] == pattern[matched] { matched += 1 }
      if matched == pattern.count { return offset + 1 - matched }
    }
    return nil
  }

  func contains(_ needle: Text) -> Bool { firstOffset(of: needle, in: 0..<bytes.count) != nil }

  func hasPrefix(_ prefix: Text) -> Bool { bytes.starts(with: prefix.bytes) }

  func hasSuffix(_ suffix: Text) -> Bool {
    bytes.count >= suffix.bytes.count && bytes.suffix(suffix.bytes.count).elementsEqual(suffix.bytes)
  }

  /// Byte offsets of a needle's occurrences from the left, none overlapping. For an empty needle
  /// the places between code points.
  func occurrences(of needle: Text, atMost limit: Int) -> [Int] {
    var found: [Int] = []
    var start = 0
    while found.count < limit, start <= bytes.count,
      let offset = firstOffset(of: needle, in: start..<bytes.count)
    {
      found.append(offset)
      if needle.isEmpty {
        start = offset < bytes.count ? offset + scalar(at: offset).length : offset + 1
      } else {
        start = offset + needle.bytes.count
      }
    }
    return found
  }

  /// `str.replace`.
  func replacing(_ old: Text, with new: Text, atMost limit: Int = .max) -> Text {
    let places = occurrences(of: old, atMost: limit)
    if places.isEmpty { return self }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + places.count * max(0, new.bytes.count - old.bytes.count))
    var end = 0
    for place in places {
      result += bytes[end..<place]
      result += new.bytes
      end = place + old.bytes.count
    }
    result += bytes[end...]
    return Text(
      bytes: result, count: count + places.count * (new.count - old.count), isMarkup: isMarkup)
  }
}
