// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding as the `tokenizers` library does it: characters first, then the merge of lowest rank, the
// leftmost of equals, until none applies.

import Synchronization

/// The model of a BPE tokenizer.
struct BPE: Sendable {
  struct Merge: Sendable {
    let rank: Int32
    let result: TokenID
  }

  var vocabulary: Vocabulary
  /// By left and right token.
  var merges: [UInt64: Merge] = [:]
  var unknown: TokenID?
  var fusesUnknown = false
  /// Characters without a token become tokens `<0xNN>` of their bytes.
  var byteTokens: [TokenID]?
  /// A word that is itself a token is taken whole.
  var ignoresMerges = false
  var continuingPrefix: [UInt8] = []
  var endSuffix: [UInt8] = []

  static func pair(_ left: TokenID, _ right: TokenID) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The tokens of one word.
  func encode(_ word: [UInt8], into output: inout [TokenID]) {
    if ignoresMerges, let whole = vocabulary.id(word) {
      output.append(whole)
      return
    }
    var symbols = symbols(of: word)
    merge(&symbols)
    output.append(contentsOf: symbols)
  }

  /// One token a character, by the rules for those that have none.
  private func symbols(of word: [UInt8]) -> [TokenID] {
    var symbols: [TokenID] = []
    var previousWasUnknown = false
    var start = 0
    while start < word.count {
      let end = min(word.count, start + Self.length(word[start]))
      var key = word[start..<end]
      if start > 0 && !continuingPrefix.isEmpty { key = (continuingPrefix + key)[...] }
      if end == word.count && !endSuffix.isEmpty { key = (Array(key) + endSuffix)[...] }
      if let id = vocabulary.id(Array(key)) {
        symbols.append(id)
        previousWasUnknown = false
      } else if let byteTokens {
        for byte in word[start..<end] { symbols.append(byteTokens[Int(byte)]) }
        previousWasUnknown = false
      } else if let unknown {
        if !(fusesUnknown && previousWasUnknown) { symbols.append(unknown) }
        previousWasUnknown = true
      }
      start = end
    }
    return symbols
  }

  private func merge(_ symbols: inout [TokenID]) {
    if symbols.count > 64 { return mergeByQueue(&symbols) }
    while symbols.count > 1 {
      var best: (rank: Int32, place: Int, result: TokenID)?
      for place in 0..<(symbols.count - 1) {
        guard let found = merges[Self.pair(symbols[place], symbols[place + 1])] else { continue }
        if best.map({ found.rank < $0.rank }) ?? true { best = (found.rank, place, found.result) }
      }
      guard let best else { return }
      symbols[best.place] = best.result
      symbols.remove(at: best.place + 1)
    }
  }

  /// The same for long words in n log n: a heap of candidates over a linked list.
  private func mergeByQueue(_ symbols: inout [TokenID]) {
    struct Candidate {
      let rank: Int32
      let place: Int
      let left: TokenID
      let right: TokenID
      let result: TokenID
    }
    var next = (0..<symbols.count).map { $0 + 1 }
    var previous = (0..<symbols.count).map { $0 - 1 }
    var isDead = [Bool](repeating: false, count: symbols.count)
    var heap = Heap<Candidate> { $0.rank != $1.rank ? $0.rank < $1.rank : $0.place < $1.place }
    func push(_ place: Int) {
      guard place >= 0, next[place] < symbols.count else { return }
      let (left, right) = (symbols[place], symbols[next[place]])
      guard let found = merges[Self.pair(left, right)] else { return }
      heap.push(Candidate(rank: found.rank, place: place, left: left, right: right, result: found.result))
    }
    for place in 0..<(symbols.count - 1) { push(place) }
    while let candidate = heap.pop() {
      let place = candidate.place
      guard !isDead[place], next[place] < symbols.count, symbols[place] == candidate.left,
        symbols[next[place]] == candidate.right
      else { continue }
      symbols[place] = candidate.result
      let gone = next[place]
      isDead[gone] = true
      next[place] = next[gone]
      if next[place] < symbols.count { previous[next[place]] = place }
      push(previous[place])
      push(place)
    }
    symbols = symbols.indices.filter { !isDead[$0] }.map { symbols[$0] }
  }

  /// Bytes of the UTF-8 sequence that begins with this byte.
  private static func length(_ first: UInt8) -> Int {
    first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  }
}

/// A binary heap, smallest first.
struct Heap<Element> {
  private var items: [Element] = []
  private let precedes: (Element, Element) -> Bool

  init(by precedes: @escaping (Element, Element) -> Bool) { self.precedes = precedes }

  mutating func push(_ item: Element) {
    items.append(item)
    var child = items.count - 1
    while child > 0, precedes(items[child], items[(child - 1) / 2]) {
      items.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Element? {
    guard let first = items.first, let last = items.popLast() else { return nil }
    guard !items.isEmpty else { return first }
    items[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < items.count && precedes(items[child], items[least]) {
        least = child
      }
      if least == parent { return first }
      items.swapAt(parent, least)
      parent = least
    }
  }
}
