// SPDX-License-Identifier: Apache-2.0
// Top-k, top-p and min-p without sorting the vocabulary: the few tokens that matter are gathered, and a
// selection that partitions (as quickselect does, by count or by mass) finds where to cut.

/// Tokens with their weights, in an order where "more likely" is unambiguous: equal weights by number.
struct Candidates {
  struct Item {
    var token: Int32
    var weight: Float

    /// Whether this one comes first.
    static func precedes(_ left: Item, _ right: Item) -> Bool {
      left.weight > right.weight || (left.weight == right.weight && left.token < right.token)
    }
  }

  private(set) var items: [Item] = []
  /// Sum of the weights.
  private(set) var mass: Double = 0

  /// Takes every token of at least this weight.
  mutating func gather(_ weights: [Float], count: Int, floor: Float) {
    items.removeAll(keepingCapacity: true)
    mass = 0
    for token in 0..<count where weights[token] >= floor && weights[token] > 0 {
      items.append(Item(token: Int32(token), weight: weights[token]))
      mass += Double(weights[token])
    }
  }

  /// Keeps the `count` heaviest.
  mutating func keep(count: Int) {
    guard count < items.count else { return }
    cut(selection { taken, _ in taken >= count })
  }

  /// Keeps the fewest heaviest whose weights reach `target`, at least one.
  mutating func keep(mass target: Double) {
    guard target < mass else { return }
    cut(selection { _, sum in sum >= target })
  }

  /// Keeps those of at least this weight.
  mutating func keep(atLeast weight: Float) {
    items.removeAll { $0.weight < weight }
    mass = items.reduce(0) { $0 + Double($1.weight) }
  }

  /// The token at a share of the mass, `uniform` in 0..<1.
  func draw(_ uniform: Double) -> Int32? {
    var left = uniform * mass
    for item in items {
      left -= Double(item.weight)
      if left < 0 { return item.token }
    }
    return items.last?.token  // rounding left a crumb
  }

  private mutating func cut(_ count: Int) {
    items.removeLast(items.count - count)
    mass = items.reduce(0) { $0 + Double($1.weight) }
  }

  /// Moves the heaviest to the front and says how many it takes until `isEnough(count, mass)`.
  ///
  /// Partitions around a pivot and goes on in the part where the condition turns true: linear in
  /// the number of items on average, with no memory of its own.
  private mutating func selection(_ isEnough: (Int, Double) -> Bool) -> Int {
    var low = 0
    var high = items.count
    var before: Double = 0  // mass of items[..<low], all heavier than the rest
    while high - low > 1 {
      let boundary = partition(low, high)
      var front = before
      for index in low..<boundary { front += Double(items[index].weight) }
      if isEnough(boundary, front) {
        high = boundary
      } else {
        low = boundary
        before = front
      }
    }
    return high
  }

  /// Splits a range of at least two into heavier and lighter items, neither empty.
  /// - Returns: where the lighter ones begin.
  private mutating func partition(_ low: Int, _ high: Int) -> Int {
    let pivot = median(items[low], items[(low + high) / 2], items[high - 1])
    var left = low
    var right = high - 1
    while true {
      while Item.precedes(items[left], pivot) { left += 1 }
      while Item.precedes(pivot, items[right]) { right -= 1 }
      if left >= right { break }
      items.swapAt(left, right)
      left += 1
      right -= 1
    }
    // Hoare's scheme: everything up to `right` precedes or is the pivot.
    return min(max(right + 1, low + 1), high - 1)
  }

  private func median(_ a: Item, _ b: Item, _ c: Item) -> Item {
    let (small, large) = Item.precedes(a, b) ? (a, b) : (b, a)
    if Item.precedes(c, small) { return small }
    return Item.precedes(c, large) ? c : large
  }
}
