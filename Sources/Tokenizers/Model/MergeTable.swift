// SPDX-License-Identifier: Apache-2.0
// Which two tokens make a third, and how early: one open-addressing table of numbers.

/// Merges by their two sides.
struct MergeTable: Sendable {
  /// Rank in the upper half, resulting token in the lower. A missing merge comes after all others.
  typealias Merge = UInt64
  static let none = Merge.max

  /// Key plus one and merge, alternating; a key of 0 is free. Half as many places as elements, a power of two.
  private var table: [UInt64]
  private var count = 0

  init(capacity: Int) {
    var size = 16
    while size < min(capacity, 1 << 23) * 5 / 3 { size *= 2 }
    table = Array(repeating: 0, count: size * 2)
  }

  /// A table of merges in the order of their ranks; those with a negative result are left out.
  /// - Parameter sides: left and right sides, one after the other.
  init(sides: [TokenID], results: [TokenID]) {
    self.init(capacity: results.count)
    for rank in results.indices where results[rank] >= 0 {
      set(sides[2 * rank], sides[2 * rank + 1], rank: rank, result: results[rank])
    }
  }

  @inline(__always)
  static func rank(_ merge: Merge) -> UInt32 { UInt32(truncatingIfNeeded: merge >> 32) }
  @inline(__always)
  static func result(_ merge: Merge) -> TokenID { TokenID(truncatingIfNeeded: merge & 0x7FFF_FFFF) }

  @inline(__always)
  private static func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
    (UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))) &+ 1
  }

  /// Adds a merge; of equal pairs the last counts.
  mutating func set(_ left: TokenID, _ right: TokenID, rank: Int, result: TokenID) {
    if (count + 1) * 3 > table.count { grow() }
    let key = Self.key(left, right)
    let place = place(of: key)
    if table[place] == 0 { count += 1 }
    table[place] = key
    table[place + 1] = UInt64(UInt32(truncatingIfNeeded: rank)) << 32 | UInt64(UInt32(bitPattern: result))
  }

  /// The merge of two tokens, or `none`.
  @inline(__always)
  func find(_ left: TokenID, _ right: TokenID) -> Merge {
    let place = place(of: Self.key(left, right))
    return table[place] == 0 ? Self.none : table[place + 1]
  }

  /// Where a key is or belongs.
  @inline(__always)
  private func place(of key: UInt64) -> Int {
    let mask = table.count - 1
    var place = Int(truncatingIfNeeded: KeyHash.of(key)) << 1 & mask
    while table[place] != 0 && table[place] != key { place = (place + 2) & mask }
    return place
  }

  private mutating func grow() {
    let old = table
    table = Array(repeating: 0, count: old.count * 2)
    for index in stride(from: 0, to: old.count, by: 2) where old[index] != 0 {
      let place = place(of: old[index])
      table[place] = old[index]
      table[place + 1] = old[index + 1]
    }
  }
}
