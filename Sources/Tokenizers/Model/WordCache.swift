// SPDX-License-Identifier: Apache-2.0
// Words met before and their tokens: text repeats itself. A table of fixed size whose entries are overwritten
// when their places are taken; when its arenas are full it starts afresh.

/// Tokens of words, by the words' bytes.
struct WordCache {
  private struct Entry {
    var hash: UInt64 = 0
    var key: Int32 = 0
    var tokens: Int32 = 0
    var keyCount: UInt16 = 0
    /// 0 when the entry is free, else the number of tokens plus one.
    var tokenCount: UInt16 = 0
  }

  /// Longer words are rare and do not come back.
  private static let longestWord = 96
  private static let places = 1 << 15
  private static let probes = 4
  private static let arenaLimit = 1 << 21

  private var entries: [Entry] = []
  private var keys: [UInt8] = []
  private var tokens: [TokenID] = []

  /// Appends the tokens of a word, making them if they are not known.
  @inline(__always)
  mutating func tokens(
    _ text: Span<UInt8>, _ range: Range<Int>, into output: inout [TokenID], make: (inout [TokenID]) -> Void
  ) {
    guard range.count <= Self.longestWord else { return make(&output) }
    let hash = KeyHash.of(text, range.lowerBound, range.count)
    var free = -1
    if !entries.isEmpty {
      for probe in 0..<Self.probes {
        let place = (Int(truncatingIfNeeded: hash) &+ probe) & (Self.places - 1)
        let entry = entries[place]
        if entry.tokenCount == 0 {
          free = place
          break
        }
        if entry.hash == hash, Int(entry.keyCount) == range.count,
          keys.span.matches(Int(entry.key), text, range.lowerBound, range.count)
        {
          let first = Int(entry.tokens)
          for index in first..<first + Int(entry.tokenCount) - 1 { output.append(tokens[index]) }
          return
        }
      }
    }
    let before = output.count
    make(&output)
    store(hash, text, range, output, from: before, at: free)
  }

  private mutating func store(
    _ hash: UInt64, _ text: Span<UInt8>, _ range: Range<Int>, _ output: [TokenID], from first: Int, at free: Int
  ) {
    if entries.isEmpty || keys.count > Self.arenaLimit || tokens.count > Self.arenaLimit { clear() }
    let place = free >= 0 ? free : Int(truncatingIfNeeded: hash) & (Self.places - 1)
    entries[place] = Entry(
      hash: hash, key: Int32(keys.count), tokens: Int32(tokens.count), keyCount: UInt16(range.count),
      tokenCount: UInt16(output.count - first + 1))
    for index in range { keys.append(text[index]) }
    tokens.append(contentsOf: output[first...])
  }

  private mutating func clear() {
    entries = Array(repeating: Entry(), count: Self.places)
    keys.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
  }
}
