// SPDX-License-Identifier: Apache-2.0
// Tokens by their bytes and by their number: one arena of bytes and an open-addressing table, so that 150,000
// tokens load without 150,000 allocations, and so that equality is of bytes (String's is Unicode's).

/// A token's number.
public typealias TokenID = Int32

/// Tokens and their numbers.
struct Vocabulary: Sendable {
  /// Token numbers lie below this; a file that says more is refused before anything is allocated for it.
  static let idBound = 1 << 24

  private var arena: [UInt8] = []
  private var starts: [Int32] = [0]
  private var ids: [TokenID] = []
  /// Upper half of the hash, and the entry plus one; 0 when free. Its size is a power of two.
  private var table: [UInt64]
  /// Entry by token number; -1 when there is none.
  private var entryOfID: [Int32] = []

  init(capacity: Int) {
    var size = 16
    while size < min(capacity, 1 << 22) * 2 { size *= 2 }
    table = Array(repeating: 0, count: size)
    ids.reserveCapacity(size / 2)
    starts.reserveCapacity(size / 2)
    entryOfID.reserveCapacity(size / 2)
    arena.reserveCapacity(size * 4)
  }

  /// Number of different tokens.
  var count: Int { ids.count }
  /// One more than the largest token number.
  var idLimit: Int { entryOfID.count }
  /// Length of the longest token in bytes.
  private(set) var longest = 0

  /// Adds a token, or gives one that is there another number.
  /// - Returns: false when the number or the size of all tokens is out of bounds.
  mutating func set(_ key: Span<UInt8>, id: Int) -> Bool {
    guard id >= 0, id < Self.idBound, arena.count + key.count < 1 << 30 else { return false }
    if (ids.count + 1) * 2 > table.count { grow() }
    let hash = KeyHash.of(key, 0, key.count)
    let (place, found) = slot(hash, key, 0, key.count)
    if id >= entryOfID.count { entryOfID.append(contentsOf: repeatElement(-1, count: id + 1 - entryOfID.count)) }
    if found >= 0 {
      let old = Int(ids[found])
      if entryOfID[old] == found { entryOfID[old] = -1 }
      ids[found] = TokenID(id)
      entryOfID[id] = Int32(found)
      return true
    }
    let entry = ids.count
    table[place] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(entry + 1)
    for index in 0..<key.count { arena.append(key[index]) }
    starts.append(Int32(arena.count))
    ids.append(TokenID(id))
    entryOfID[id] = Int32(entry)
    longest = max(longest, key.count)
    return true
  }

  mutating func set(_ key: [UInt8], id: Int) -> Bool { set(key.span, id: id) }

  /// The number of the token with these bytes; -1 when there is none.
  @inline(__always)
  func find(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> TokenID {
    let found = slot(KeyHash.of(bytes, start, count), bytes, start, count).found
    return found < 0 ? -1 : ids[found]
  }

  /// The number of the token with these bytes.
  func id(_ bytes: [UInt8]) -> TokenID? {
    let found = find(bytes.span, 0, bytes.count)
    return found < 0 ? nil : found
  }

  /// Where the bytes of a token stand in `bytes`.
  private func range(_ id: TokenID) -> Range<Int>? {
    guard id >= 0, Int(id) < entryOfID.count, entryOfID[Int(id)] >= 0 else { return nil }
    let entry = Int(entryOfID[Int(id)])
    return Int(starts[entry])..<Int(starts[entry + 1])
  }

  /// The bytes of a token.
  func bytes(_ id: TokenID) -> ArraySlice<UInt8>? { range(id).map { arena[$0] } }

  /// Whether a token's bytes are those of two others, the second without its first `dropped` bytes.
  func isJoined(_ id: TokenID, _ left: TokenID, _ right: TokenID, dropping dropped: Int) -> Bool {
    guard let whole = range(id), let first = range(left), let second = range(right), dropped <= second.count,
      whole.count == first.count + second.count - dropped
    else { return false }
    let bytes = arena.span
    return bytes.matches(whole.lowerBound, bytes, first.lowerBound, first.count)
      && bytes.matches(
        whole.lowerBound + first.count, bytes, second.lowerBound + dropped, second.count - dropped)
  }

  @inline(__always)
  private func slot(_ hash: UInt64, _ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> (place: Int, found: Int) {
    let mask = table.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while true {
      let item = table[place]
      if item == 0 { return (place, -1) }
      if (item ^ hash) >> 32 == 0 {
        let entry = Int(truncatingIfNeeded: item & 0xFFFF_FFFF) - 1
        let from = Int(starts[entry])
        if Int(starts[entry + 1]) - from == count, arena.span.matches(from, bytes, start, count) { return (place, entry) }
      }
      place = (place + 1) & mask
    }
  }

  private mutating func grow() {
    let old = table
    table = Array(repeating: 0, count: old.count * 2)
    let mask = table.count - 1
    for item in old where item != 0 {
      let entry = Int(truncatingIfNeeded: item & 0xFFFF_FFFF) - 1
      let from = Int(starts[entry])
      var place = Int(truncatingIfNeeded: KeyHash.of(arena.span, from, Int(starts[entry + 1]) - from)) & mask
      while table[place] != 0 { place = (place + 1) & mask }
      table[place] = item
    }
  }
}
