// SPDX-License-Identifier: Apache-2.0
// Finding text in text, in linear time: templates and conversations may be hostile together.

import Glibc

extension Text {
  /// First byte offset of a needle within a range of bytes.
  ///
  /// Jumps from one occurrence of the first byte to the next; when that compares too much, because
  /// text and needle repeat themselves, goes on with a search that is linear whatever they hold.
  func firstOffset(of needle: Text, in range: Range<Int>) -> Int? {
    let pattern = needle.bytes
    guard let first = pattern.first else { return range.lowerBound }
    guard pattern.count <= range.count else { return nil }
    let last = range.upperBound - pattern.count
    var patience = 64 + range.count
    var start = range.lowerBound
    while start <= last, let candidate = firstOffset(of: first, in: start..<last + 1) {
      var matched = 1
      while matched < pattern.count, bytes[candidate + matched] == pattern[matched] { matched += 1 }
      if matched == pattern.count { return candidate }
      start = candidate + 1
      patience -= matched
      if patience < 0 { return searchLinearly(pattern, in: start..<range.upperBound) }
    }
    return nil
  }

  /// First offset of a byte. `memchr` looks at many bytes at once; this is the module's one use of
  /// pointers.
  private func firstOffset(of byte: UInt8, in range: Range<Int>) -> Int? {
    unsafe bytes.withUnsafeBytes { buffer -> Int? in
      let part = unsafe UnsafeRawBufferPointer(rebasing: buffer[range])
      guard let start = part.baseAddress, let found = unsafe memchr(start, Int32(byte), part.count) else {
        return nil
      }
      return unsafe range.lowerBound + (UnsafeRawPointer(found) - start)
    }
  }

  /// The algorithm of Knuth, Morris and Pratt.
  private func searchLinearly(_ pattern: [UInt8], in range: Range<Int>) -> Int? {
    var fallback = [Int](repeating: 0, count: pattern.count)
    var matched = 0
    for index in pattern.indices.dropFirst() {
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

  /// Last byte offset of a needle within a range of bytes: the first one in mirrored text.
  func lastOffset(of needle: Text, in range: Range<Int>) -> Int? {
    let mirror = Text(bytes: bytes[range].reversed(), count: 0)
    let pattern = Text(bytes: needle.bytes.reversed(), count: 0)
    guard let found = mirror.firstOffset(of: pattern, in: 0..<range.count) else { return nil }
    return range.upperBound - found - needle.bytes.count
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

  /// `str.replace`, the places having been found.
  func replacing(_ old: Text, with new: Text, at places: [Int]) -> Text {
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
