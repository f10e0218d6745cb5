// SPDX-License-Identifier: Apache-2.0
// Room for one token's text, used again for the next.

/// A text of bounded length.
struct KeyBuffer {
  /// Longer texts take the slow way around the buffer.
  static let capacity = 1 << 12

  private(set) var storage = [UInt8](repeating: 0, count: capacity)
  private(set) var count = 0

  /// The bytes.
  var bytes: ArraySlice<UInt8> { storage[..<count] }

  mutating func clear() { count = 0 }

  mutating func append(_ bytes: [UInt8]) {
    if count + bytes.count > storage.count {
      storage.append(contentsOf: repeatElement(0, count: count + bytes.count - storage.count))
    }
    storage.replaceSubrange(count..<count + bytes.count, with: bytes)
    count += bytes.count
  }

  /// Takes the only blank out.
  /// - Returns: where it was; nil, and nothing done, when there is not exactly one.
  mutating func removeBlank() -> Int? {
    guard let place = bytes.firstIndex(of: 0x20), bytes[(place + 1)...].firstIndex(of: 0x20) == nil else { return nil }
    for index in place + 1..<count { storage[index - 1] = storage[index] }
    count -= 1
    return place
  }

  /// Appends a part of a text that is valid UTF-8, without escapes, up to its closing quote.
  /// - Returns: whether it is; otherwise nothing changes.
  mutating func copy(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
    var index = position
    var place = count
    var union: UInt8 = 0
    var output = storage.mutableSpan
    while index < text.count, place < output.count {
      let byte = text[index]
      if byte == UInt8(ascii: "\"") {
        let part = text.extracting(position..<index)
        guard union < 0x80 || (try? UTF8Span(validating: part)) != nil else { return false }
        position = index + 1
        count = place
        return true
      }
      guard byte >= 0x20, byte != UInt8(ascii: "\\") else { return false }
      union |= byte
      output[place] = byte
      index += 1
      place += 1
    }
    return false
  }

  /// Appends the bytes that a text in GPT-2's alphabet stands for, up to a byte that ends it.
  /// - Parameter position: where the text begins; moved behind the byte that ends it.
  /// - Returns: whether it is written in the alphabet and fits; otherwise nothing changes.
  mutating func decode(
    _ text: Span<UInt8>, _ position: inout Int, until stop: UInt8, _ alphabet: Span<Int16>
  ) -> Bool {
    var index = position
    var place = count
    var output = storage.mutableSpan
    while index < text.count, place < output.count {
      let byte = text[index]
      if byte == stop {
        position = index + 1
        count = place
        return true
      }
      if byte < 0x80 {
        guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\\"), byte != UInt8(ascii: "\"") else { return false }
        output[place] = byte
        index += 1
      } else {
        guard index + 1 < text.count, byte >= 0xC2, byte <= 0xC5, text[index + 1] & 0xC0 == 0x80 else { return false }
        let point = Int(byte & 0x1F) << 6 | Int(text[index + 1] & 0x3F)
        guard point < alphabet.count, alphabet[point] >= 0 else { return false }
        output[place] = UInt8(truncatingIfNeeded: alphabet[point])
        index += 2
      }
      place += 1
    }
    return false
  }
}
