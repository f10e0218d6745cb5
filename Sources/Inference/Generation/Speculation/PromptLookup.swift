// SPDX-License-Identifier: Apache-2.0
// Guessing what comes next from what a text has said before: the longest earlier place that ends like the text does now,
// and what followed there. Code that is edited, quotations, names and lists repeat themselves; a guess costs a microsecond.
//
// Places are found by a hash of their last two tokens, chained from the latest back; the tokens are compared, so a
// collision costs time and nothing else.

/// The pairs of tokens of one text, by where they were last.
package struct PromptLookup {
  /// An earlier place that ends as the text does.
  package struct Match: Equatable {
    /// Index of the token that followed it.
    package var next: Int
    /// Tokens that agree.
    package var length: Int

    package init(next: Int, length: Int) {
      self.next = next
      self.length = length
    }
  }

  /// Latest end of a pair, by its hash; -1 for none.
  private var latest: [Int32] = []
  /// For each place the one before it with the same hash.  // [tokens indexed]
  private var earlier: [Int32] = []
  /// Places looked at, and tokens compared, at most.
  private static let depth = 24
  private static let longest = 64

  package init() {}

  /// Finds where the text's end has been before; the longest such place, of equals the latest.
  package mutating func match(_ tokens: [Int32]) -> Match? {
    index(tokens)
    guard tokens.count > 2 else { return nil }
    var best: Match?
    var place = latest[hash(tokens, tokens.count - 1)]
    for _ in 0..<Self.depth where place >= 0 {
      let length = agreement(tokens, endingAt: Int(place))
      if length >= 2, length > best?.length ?? 0 { best = Match(next: Int(place) + 1, length: length) }
      if length == Self.longest { break }
      place = earlier[Int(place)]
    }
    return best
  }

  /// What followed a match, `count` tokens; where that reaches the text's end it goes on with itself.
  package static func continuation(of match: Match, in tokens: [Int32], count: Int) -> [Int32] {
    let period = tokens.count - match.next
    var guess: [Int32] = []
    guess.reserveCapacity(count)
    for offset in 0..<count { guess.append(offset < period ? tokens[match.next + offset] : guess[offset - period]) }
    return guess
  }

  /// Takes in all places but the last, which must not find itself.
  private mutating func index(_ tokens: [Int32]) {
    if tokens.count > latest.count {
      latest = Array(repeating: -1, count: max(1024, (2 * tokens.count).nextPowerOfTwo))
      earlier.removeAll(keepingCapacity: true)
    }
    if earlier.isEmpty { earlier.append(-1) }
    while earlier.count < tokens.count - 1 {
      let (place, bucket) = (earlier.count, hash(tokens, earlier.count))
      earlier.append(latest[bucket])
      latest[bucket] = Int32(place)
    }
  }

  /// Bucket of the pair that ends at a place.
  private func hash(_ tokens: [Int32], _ place: Int) -> Int {
    let pair = UInt64(UInt32(bitPattern: tokens[place - 1])) << 32 | UInt64(UInt32(bitPattern: tokens[place]))
    return Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> 32) & (latest.count - 1)
  }

  /// Tokens before and at a place that are those of the text's end.
  private func agreement(_ tokens: [Int32], endingAt place: Int) -> Int {
    let last = tokens.count - 1
    var length = 0
    while length < Self.longest, length <= place, tokens[place - length] == tokens[last - length] { length += 1 }
    return length
  }
}

extension Int {
  /// The least power of two that is no smaller; of positive numbers.
  fileprivate var nextPowerOfTwo: Int { 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
