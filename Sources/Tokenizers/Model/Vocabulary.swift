// SPDX-License-Identifier: Apache-2.0
// Tokens by their bytes and by their number: one arena of bytes and an open-addressing table, so that 150,000
// tokens load without 150,000 allocations, and so that equality is of bytes (String's is Unicode's).
//
// Tokens are first appended, then indexed all at once, and lists of keys are looked up in blocks (`findAll`): first
// all their places of the table are read, then their entries, then the keys are compared. The table is larger than
// the processor's caches, which so waits for many places at the same time instead of for one after the other.

/// A token's number.
public typealias TokenID = Int32

/// Tokens and their numbers.
struct Vocabulary: Sendable {
  private struct Entry {
    var start: Int32
    var count: Int32
    var id: TokenID
  }

  /// Token numbers lie below this; a file that says more is refused before anything is allocated for it.
  static let idBound = 1 << 24

  private var arena: [UInt8] = []
  private var entries: [Entry] = []
  /// Upper half of the hash, and the entry plus one; 0 when free. Its size is a power of two.
  private var table: [UInt64] = []
  /// Entry by token number; -1 when there is none.
  private var entryOfID: [Int32] = []
  private var indexedCount = 0

  /// Number of different tokens.
  private(set) var count = 0
  /// Length of the longest token in bytes.
  private(set) var longest = 0

  init(capacity: Int = 0) {
    let size = min(capacity, 1 << 22)
    entries.reserveCapacity(size)
    entryOfID.reserveCapacity(size)
    arena.reserveCapacity(size * 8)
  }

  /// One more than the largest token number.
  var idLimit: Int { entryOfID.count }

  // MARK: Building

  /// Appends a token, which is found after the next `index`.
  /// - Returns: false when the number or the size of all tokens is out of bounds.
  mutating func append(_ key: ArraySlice<UInt8>, id: Int) -> Bool {
    guard id >= 0, id < Self.idBound, arena.count + key.count < 1 << 30, entries.count < Self.idBound else {
      return false
    }
    entries.append(Entry(start: Int32(arena.count), count: Int32(key.count), id: TokenID(id)))
    arena.append(contentsOf: key)
    longest = max(longest, key.count)
    if id >= entryOfID.count { entryOfID.append(contentsOf: repeatElement(-1, count: id + 1 - entryOfID.count)) }
    return true
  }

  /// Makes appended tokens findable; one that was there before gets the number given last.
  mutating func index() {
    if entries.count * 3 > table.count * 2 {
      var size = 16
      while size * 2 < entries.count * 3 { size *= 2 }
      table = Array(repeating: 0, count: size)
      (indexedCount, count) = (0, 0)
    }
    for place in indexedCount..<entries.count { insert(place) }
    indexedCount = entries.count
  }

  @inline(__always)
  private mutating func insert(_ new: Int) {
    let entry = entries[new]
    guard entry.start >= 0 else { return }
    let hash = KeyHash.of(arena.span, Int(entry.start), Int(entry.count))
    let (place, found) = slot(hash, arena.span, Int(entry.start), Int(entry.count))
    if found < 0 {
      table[place] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(new + 1)
      entryOfID[Int(entry.id)] = Int32(new)
      count += 1
    } else {
      replace(found, by: new)
    }
  }

  private mutating func replace(_ old: Int, by new: Int) {
    let previous = Int(entries[old].id)
    if entryOfID[previous] == old { entryOfID[previous] = -1 }
    entries[old].id = entries[new].id
    entryOfID[Int(entries[new].id)] = Int32(old)
    // Passed over should the table be made again.
    entries[new].start = -1
  }

  /// Adds a single token.
  mutating func set(_ key: [UInt8], id: Int) -> Bool {
    guard append(key[...], id: id) else { return false }
    index()
    return true
  }

  // MARK: Finding

  /// The number of the token with these bytes; -1 when there is none.
  @inline(__always)
  func find(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> TokenID {
    guard !table.isEmpty else { return -1 }
    let found = slot(KeyHash.of(bytes, start, count), bytes, start, count).found
    return found < 0 ? -1 : entries[found].id
  }

  private static let block = 64

  /// The numbers of the tokens whose bytes are given by where each begins; -1 where there is none.
  func findAll(_ bytes: Span<UInt8>, _ starts: [Int32]) -> [TokenID] {
    var ids = [TokenID](repeating: -1, count: starts.count)
    guard !table.isEmpty else { return ids }
    var hashes = [UInt64](repeating: 0, count: Self.block)
    var items = hashes
    var candidates = [Entry](repeating: Entry(start: 0, count: -1, id: -1), count: Self.block)
    func end(_ index: Int) -> Int { index + 1 < starts.count ? Int(starts[index + 1]) : bytes.count }
    var first = 0
    while first < starts.count {
      let size = min(Self.block, starts.count - first)
      for place in 0..<size {
        let start = Int(starts[first + place])
        hashes[place] = KeyHash.of(bytes, start, end(first + place) - start)
        items[place] = table[Int(truncatingIfNeeded: hashes[place]) & (table.count - 1)]
      }
      for place in 0..<size where items[place] != 0 {
        candidates[place] = entries[Int(truncatingIfNeeded: items[place] & 0xFFFF_FFFF) - 1]
      }
      for place in 0..<size where items[place] != 0 {
        let start = Int(starts[first + place])
        let count = end(first + place) - start
        let (candidate, hash) = (candidates[place], hashes[place])
        let isLikely = (items[place] ^ hash) >> 32 == 0 && Int(candidate.count) == count
        if isLikely && arena.span.matches(Int(candidate.start), bytes, start, count) {
          ids[first + place] = candidate.id
        } else {
          let found = slot(hash, bytes, start, count).found
          if found >= 0 { ids[first + place] = entries[found].id }
        }
      }
      first += size
    }
    return ids
  }

  /// The number of the token with these bytes.
  func id(_ bytes: [UInt8]) -> TokenID? {
    let found = find(bytes.span, 0, bytes.count)
    return found < 0 ? nil : found
  }

  @inline(__always)
  private func entry(_ id: TokenID) -> Entry? {
    guard id >= 0, Int(id) < entryOfID.count, entryOfID[Int(id)] >= 0 else { return nil }
    return entries[Int(entryOfID[Int(id)])]
  }

  /// The bytes of a token.
  func bytes(_ id: TokenID) -> ArraySlice<UInt8>? {
    entry(id).map { arena[Int($0.start)..<Int($0.start + $0.count)] }
  }

  /// Whether a token has these bytes.
  @inline(__always)
  func matches(_ id: TokenID, _ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> Bool {
    guard let entry = entry(id), Int(entry.count) == count else { return false }
    return arena.span.matches(Int(entry.start), bytes, start, count)
  }

  @inline(__always)
  private func slot(_ hash: UInt64, _ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> (place: Int, found: Int) {
    let mask = table.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while true {
      let item = table[place]
      if item == 0 { return (place, -1) }
      if (item ^ hash) >> 32 == 0 {
        let found = Int(truncatingIfNeeded: item & 0xFFFF_FFFF) - 1
        let entry = entries[found]
        if Int(entry.count) == count, arena.span.matches(Int(entry.start), bytes, start, count) {
          return (place, found)
        }
      }
      place = (place + 1) & mask
    }
  }
}
