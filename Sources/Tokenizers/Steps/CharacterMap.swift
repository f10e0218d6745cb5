// SPDX-License-Identifier: Apache-2.0
// The `Precompiled` normalizer: SentencePiece's table of what becomes of characters, a double-array trie over
// UTF-8 and the texts it points to (format: builder.cc of SentencePiece).

internal import Basics

/// A precompiled character map.
struct CharacterMap: Sendable {
  private let trie: [UInt32]
  private let texts: [UInt8]

  /// Reads the map from the base64 text of a tokenizer file; nil when it is none.
  init?(base64: String) {
    guard let bytes = Base64.decode(base64.utf8) else { return nil }
    guard bytes.count >= 4 else {
      // An empty map changes nothing.
      guard bytes.isEmpty else { return nil }
      (trie, texts) = ([], [])
      return
    }
    func word(_ index: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << (8 * UInt32($1)) }
    }
    let size = Int(word(0))
    guard size >= 4, size % 4 == 0, 4 + size <= bytes.count else { return nil }
    trie = (0..<size / 4).map { word(4 + $0 * 4) }
    texts = Array(bytes[(4 + size)...])
    guard String(validating: texts, as: UTF8.self) != nil else { return nil }
  }

  /// The text with all characters mapped: short clusters as a whole if they are in the map, else one by one.
  func apply(_ text: [UInt8]) -> [UInt8] {
    guard !trie.isEmpty else { return text }
    var output: [UInt8] = []
    output.reserveCapacity(text.count)
    for cluster in String(decoding: text, as: UTF8.self) {
      let bytes = Array(cluster.utf8)
      if bytes.count < 6, let mapped = find(bytes.span, 0, bytes.count) {
        output += texts[mapped]
        continue
      }
      let span = bytes.span
      var index = 0
      while index < span.count {
        let length = span.scalar(at: index).length
        if let mapped = find(span, index, length) {
          output += texts[mapped]
        } else {
          output += bytes[index..<index + length]
        }
        index += length
      }
    }
    return output
  }

  /// The text of the shortest entry that begins these bytes.
  private func find(_ key: Span<UInt8>, _ start: Int, _ count: Int) -> Range<Int>? {
    var node = Self.offset(trie[0])
    for index in start..<start + count {
      let byte = UInt32(key[index])
      if byte == 0 { return nil }
      node ^= Int(byte)
      guard node < trie.count, trie[node] & 0x8000_00FF == byte else { return nil }
      let unit = trie[node]
      node ^= Self.offset(unit)
      guard unit >> 8 & 1 == 1 else { continue }
      guard node < trie.count else { return nil }
      let first = Int(trie[node] & 0x7FFF_FFFF)
      // A map that points into the middle of a character would make text that is not UTF-8.
      guard first <= texts.count, first == texts.count || texts[first] & 0xC0 != 0x80 else { return nil }
      return first..<(texts[first...].firstIndex(of: 0) ?? texts.count)
    }
    return nil
  }

  private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
}
