// SPDX-License-Identifier: Apache-2.0
// Merging the symbols of a word, in memory that is used again for the next one.

/// Symbols of a word and room to merge them.
struct MergeSpace {
  var symbols: [TokenID] = []
  /// The merge of each symbol with the next.
  private var merges: [MergeTable.Merge] = []

  /// Above this many symbols a heap is faster than looking at all pairs for each merge.
  private static let scanLimit = 160

  /// Applies merges, lowest rank first and the leftmost of equals, until none is left.
  mutating func merge(_ table: MergeTable) {
    guard symbols.count > 1 else { return }
    merges.removeAll(keepingCapacity: true)
    for place in 0..<symbols.count - 1 { merges.append(table.find(symbols[place], symbols[place + 1])) }
    if symbols.count > Self.scanLimit { mergeByHeap(table) } else { mergeByScan(table) }
  }

  private mutating func mergeByScan(_ table: MergeTable) {
    var count = symbols.count
    while true {
      var best = 0
      var lowest = MergeTable.none
      for place in 0..<count - 1 where merges[place] >> 32 < lowest >> 32 {
        lowest = merges[place]
        best = place
      }
      guard lowest != MergeTable.none else { break }
      symbols[best] = MergeTable.result(lowest)
      count -= 1
      var place = best + 1
      while place < count {
        symbols[place] = symbols[place + 1]
        merges[place - 1] = merges[place]
        place += 1
      }
      if best > 0 { merges[best - 1] = table.find(symbols[best - 1], symbols[best]) }
      if best + 1 < count { merges[best] = table.find(symbols[best], symbols[best + 1]) }
      if count == 1 { break }
    }
    symbols.removeLast(symbols.count - count)
  }

  /// The same for long words in n log n: a heap of candidates over a linked list.
  private mutating func mergeByHeap(_ table: MergeTable) {
    var next = (1...symbols.count).map { Int32($0) }
    var previous = (-1..<symbols.count - 1).map { Int32($0) }
    var heap = RankHeap(capacity: symbols.count)
    for place in merges.indices where merges[place] != MergeTable.none { heap.push(merges[place] >> 32, place) }
    let end = Int32(symbols.count)
    merges.append(MergeTable.none)
    while let (rank, place) = heap.pop() {
      // A candidate is stale when its pair has changed since; the pair's own rank says so.
      guard merges[place] != MergeTable.none, merges[place] >> 32 == rank else { continue }
      symbols[place] = MergeTable.result(merges[place])
      let gone = Int(next[place])
      merges[gone] = MergeTable.none
      symbols[gone] = -1
      next[place] = next[gone]
      merges[place] = MergeTable.none
      if next[place] < end {
        previous[Int(next[place])] = Int32(place)
        merges[place] = table.find(symbols[place], symbols[Int(next[place])])
        if merges[place] != MergeTable.none { heap.push(merges[place] >> 32, place) }
      }
      if previous[place] >= 0 {
        let before = Int(previous[place])
        merges[before] = table.find(symbols[before], symbols[place])
        if merges[before] != MergeTable.none { heap.push(merges[before] >> 32, before) }
      }
    }
    symbols.removeAll { $0 < 0 }
  }
}

/// A binary heap of ranks and places, both in one number: smallest rank first, then smallest place.
private struct RankHeap {
  private var items: [UInt64] = []

  init(capacity: Int) { items.reserveCapacity(capacity) }

  mutating func push(_ rank: UInt64, _ place: Int) {
    items.append(rank << 32 | UInt64(place))
    var child = items.count - 1
    let item = items[child]
    while child > 0, item < items[(child - 1) / 2] {
      items[child] = items[(child - 1) / 2]
      child = (child - 1) / 2
    }
    items[child] = item
  }

  mutating func pop() -> (rank: UInt64, place: Int)? {
    guard let first = items.first, let last = items.popLast() else { return nil }
    if !items.isEmpty { sink(last) }
    return (first >> 32, Int(first & 0xFFFF_FFFF))
  }

  private mutating func sink(_ item: UInt64) {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < items.count else { break }
      if child + 1 < items.count && items[child + 1] < items[child] { child += 1 }
      guard items[child] < item else { break }
      items[parent] = items[child]
      parent = child
    }
    items[parent] = item
  }
}
