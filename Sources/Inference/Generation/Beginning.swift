// SPDX-License-Identifier: Apache-2.0
// Texts that begin alike: one of them is read, the others take its keys and values, in the same pages.

/// What a text will have from another that is under way, once that one has been read so far.
struct Beginning {
  /// The other text's request.
  let leader: ObjectIdentifier
  /// Tokens both have.
  let shared: Int

  /// A beginning shorter than this is not worth waiting for.
  static let least = 16

  /// The longest one among texts that are read before this one.
  /// - Parameters:
  ///   - known: tokens the text would have from elsewhere.
  ///   - isAlike: whether keys and values of the two mean the same.
  static func longest(
    of text: [Int32], among earlier: ArraySlice<ActiveSequence>, known: Int, where isAlike: (ActiveSequence) -> Bool
  ) -> Beginning? {
    var best: Beginning?
    for other in earlier where other.sequence != nil && isAlike(other) {
      // A token is left to compute, since logits are not kept.
      let shared = min(text.sharedBeginning(with: other.tokens), text.count - 1)
      guard shared > max(best?.shared ?? 0, known + least - 1) else { continue }
      best = Beginning(leader: ObjectIdentifier(other.ticket), shared: shared)
    }
    return best
  }
}

extension [Int32] {
  /// How many tokens this text and another begin with alike.
  func sharedBeginning(with other: [Int32]) -> Int {
    let limit = Swift.min(count, other.count)
    var shared = 0
    while shared < limit && self[shared] == other[shared] { shared += 1 }
    return shared
  }
}
