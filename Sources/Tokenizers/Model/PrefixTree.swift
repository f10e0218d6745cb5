// SPDX-License-Identifier: Apache-2.0
// All tokens that begin at a place of a text, shortest first: a tree of bytes whose edges lie in one hash table.

/// Tokens by their prefixes.
struct PrefixTree: Sendable {
  /// Node and byte plus one; 0 when free.
  private var keys: [UInt64]
  private var children: [Int32]
  private var edgeCount = 0
  /// The token that ends at each node, -1 for none.
  private var tokens: [TokenID] = [-1]

  init(capacity: Int) {
    var size = 1024
    while size < min(capacity, 1 << 20) * 6 { size *= 2 }
    keys = Array(repeating: 0, count: size)
    children = Array(repeating: 0, count: size)
  }

  /// Adds a token; of equal ones the last counts.
  mutating func add(_ text: [UInt8], _ token: TokenID) {
    var node = 0
    for byte in text {
      if (edgeCount + 1) * 3 > keys.count * 2 { grow() }
      let key = Self.key(node, byte)
      let place = place(of: key)
      if keys[place] == 0 {
        keys[place] = key
        children[place] = Int32(tokens.count)
        tokens.append(-1)
        edgeCount += 1
      }
      node = Int(children[place])
    }
    tokens[node] = token
  }

  /// Calls back with each token that begins at an offset and where it ends.
  @inline(__always)
  func forEachToken(_ text: Span<UInt8>, from start: Int, to end: Int, _ body: (TokenID, Int) -> Void) {
    var node = 0
    var index = start
    while index < end {
      let place = place(of: Self.key(node, text[index]))
      if keys[place] == 0 { return }
      node = Int(children[place])
      index += 1
      if tokens[node] >= 0 { body(tokens[node], index) }
    }
  }

  @inline(__always)
  private static func key(_ node: Int, _ byte: UInt8) -> UInt64 { (UInt64(node) << 8 | UInt64(byte)) + 1 }

  @inline(__always)
  private func place(of key: UInt64) -> Int {
    let mask = keys.count - 1
    var place = Int(truncatingIfNeeded: KeyHash.of(key)) & mask
    while keys[place] != 0 && keys[place] != key { place = (place + 1) & mask }
    return place
  }

  private mutating func grow() {
    let (oldKeys, oldChildren) = (keys, children)
    keys = Array(repeating: 0, count: oldKeys.count * 2)
    children = Array(repeating: 0, count: oldKeys.count * 2)
    for (index, key) in oldKeys.enumerated() where key != 0 {
      let place = place(of: key)
      keys[place] = key
      children[place] = oldChildren[index]
    }
  }
}
