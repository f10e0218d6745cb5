// SPDX-License-Identifier: Apache-2.0
// Tokens by their bytes and by their number: one arena of bytes and an open-addressing table, so that 150,000
// tokens load without 150,000 allocations, and so that equality is of bytes (String's is Unicode's).

/// A token's number.
public typealias TokenID = Int32

/// Tokens and their numbers.
struct Vocabulary: Sendable {
  private var arena: [UInt8] = []
  private var starts: [Int32] = [0]
  private var ids: [TokenID] = []
  /// Entry plus one, 0 when free; its size is a power of two.
  private var table: [Int32]
  /// Entry by token number; -1 when there is none.
  private var entryOfID: [Int32] = []

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    table = Array(repeating: 0, count: size)
  }

  /// Number of tokens.
  var count: Int { ids.count }
  /// One more than the largest token number.
  var idLimit: Int { entryOfID.count }

  /// Adds a token; false when its bytes or its number are out of bounds or taken.
  mutating func add(_ bytes: some Collection<UInt8>, id: Int) -> Bool {
    let key = Array(bytes)
    guard id >= 0, id < 1 << 24, arena.count + key.count < 1 << 30, slot(of: key.span).found == nil else {
      return false
    }
    if (ids.count + 1) * 2 > table.count { grow() }
    let entry = Int32(ids.count)
    let place = slot(of: key.span).place
    table[place] = entry + 1
    arena.append(contentsOf: key)
    starts.append(Int32(arena.count))
    ids.append(TokenID(id))
    if id >= entryOfID.count { entryOfID.append(contentsOf: repeatElement(-1, count: id + 1 - entryOfID.count)) }
    if entryOfID[id] < 0 { entryOfID[id] = entry }
    return true
  }

  /// The number of the token with these bytes.
  func id(_ bytes: Span<UInt8>) -> TokenID? { slot(of: bytes).found.map { ids[Int($0)] } }
  /// The number of the token with these bytes.
  func id(_ bytes: [UInt8]) -> TokenID? { id(bytes.span) }

  /// The bytes of a token.
  func bytes(_ id: TokenID) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < entryOfID.count, entryOfID[Int(id)] >= 0 else { return nil }
    let entry = Int(entryOfID[Int(id)])
    return arena[Int(starts[entry])..<Int(starts[entry + 1])]
  }

  private func slot(of bytes: Span<UInt8>) -> (place: Int, found: Int32?) {
    var place = Int(truncatingIfNeeded: Self.hash(bytes)) & (table.count - 1)
    while table[place] != 0 {
      let entry = Int(table[place] - 1)
      if matches(entry, bytes) { return (place, Int32(entry)) }
      place = (place + 1) & (table.count - 1)
    }
    return (place, nil)
  }

  private func matches(_ entry: Int, _ bytes: Span<UInt8>) -> Bool {
    let start = Int(starts[entry])
    guard Int(starts[entry + 1]) - start == bytes.count else { return false }
    for index in 0..<bytes.count where arena[start + index] != bytes[index] { return false }
    return true
  }

  private mutating func grow() {
    table = Array(repeating: 0, count: table.count * 2)
    for entry in ids.indices {
      let key = Array(arena[Int(starts[entry])..<Int(starts[entry + 1])])
      table[slot(of: key.span).place] = Int32(entry) + 1
    }
  }

  /// FNV-1a with a final mix: short keys, no secrets worth attacking (tables are built once from one file).
  private static func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in 0..<bytes.count { value = (value ^ UInt64(bytes[index])) &* 0x100_0000_01b3 }
    return value ^ value >> 29
  }
}
