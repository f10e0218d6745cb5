// SPDX-License-Identifier: Apache-2.0
// Merges as a file lists them, gathered first and then looked up in one go (see Vocabulary for why).

/// Pairs of tokens in the order of their ranks.
struct MergeList {
  /// Left and right sides, one after the other.
  private var bytes: [UInt8] = []
  /// Where each side begins.
  private var starts: [Int32] = []

  var count: Int { starts.count / 2 }

  init(capacity: Int) {
    starts.reserveCapacity(capacity * 2)
    bytes.reserveCapacity(capacity * 8)
  }

  /// Appends a pair: its left side is `sides` up to `cut`.
  /// - Returns: false when there are too many.
  mutating func append(_ sides: ArraySlice<UInt8>, cut: Int) -> Bool {
    guard bytes.count + sides.count < 1 << 30 else { return false }
    starts.append(Int32(bytes.count))
    starts.append(Int32(bytes.count + cut))
    bytes.append(contentsOf: sides)
    return true
  }

  /// What is wrong with a pair.
  enum Fault {
    case unknownSide(rank: Int)
    case unknownResult(rank: Int)
  }

  /// The table of the merges, by a vocabulary.
  /// - Parameters:
  ///   - dropped: how many bytes of a right side are a prefix that the result does not have.
  ///   - skipsUnknown: passes over pairs of tokens that the vocabulary does not have.
  func table(_ vocabulary: Vocabulary, dropping dropped: Int, skipsUnknown: Bool) -> (table: MergeTable, fault: Fault?)
  {
    let sides = vocabulary.findAll(bytes.span, starts)
    var results = [TokenID](repeating: -1, count: count)
    var fault: Fault?
    let text = bytes.span
    var joined: [UInt8] = []
    var guess: TokenID = 0
    for rank in 0..<count {
      guard sides[2 * rank] >= 0, sides[2 * rank + 1] >= 0, dropped <= sideCount(2 * rank + 1) else {
        if !skipsUnknown { fault = fault ?? .unknownSide(rank: rank) }
        continue
      }
      let start = Int(starts[2 * rank])
      var result = guess
      if dropped == 0 {
        let length = sideCount(2 * rank) + sideCount(2 * rank + 1)
        // Results mostly follow each other in the vocabulary, which spares the search.
        if !vocabulary.matches(result, text, start, length) { result = vocabulary.find(text, start, length) }
      } else {
        joined.removeAll(keepingCapacity: true)
        let right = Int(starts[2 * rank + 1])
        for index in start..<right { joined.append(text[index]) }
        for index in right + dropped..<right + sideCount(2 * rank + 1) { joined.append(text[index]) }
        result = vocabulary.find(joined.span, 0, joined.count)
      }
      results[rank] = result
      guess = result + 1
      if result < 0 { fault = fault ?? .unknownResult(rank: rank) }
    }
    return (MergeTable(sides: sides, results: results), fault)
  }

  @inline(__always)
  private func sideCount(_ side: Int) -> Int {
    (side + 1 < starts.count ? Int(starts[side + 1]) : bytes.count) - Int(starts[side])
  }
}
