// SPDX-License-Identifier: Apache-2.0
// Finished sequences whose keys and values are kept, so that a request which begins with the same tokens
// (the next turn of a chat) need not have them read again. The results are the same either way.

/// Sequences nobody runs, the one used longest ago first.
struct IdleSequences {
  private struct Idle {
    let sequence: SequenceID
    let tokens: [Int32]
    let adapter: Int?
  }

  private var kept: [Idle] = []
  /// A shared beginning shorter than this is not worth a sequence.
  private static let least = 16

  var count: Int { kept.count }

  /// Keeps a sequence that holds these tokens, read with an adapter or without.
  mutating func keep(_ sequence: SequenceID, tokens: ArraySlice<Int32>, adapter: Int?) {
    kept.append(Idle(sequence: sequence, tokens: Array(tokens), adapter: adapter))
  }

  /// Takes out the sequence of an adapter that shares the longest beginning with a prompt.
  ///
  /// At least one token of the prompt is left to compute, since logits are not kept.
  /// - Returns: the sequence and how many of its tokens are to stay.
  mutating func take(prompt: [Int32], adapter: Int?) -> (sequence: SequenceID, shared: Int)? {
    var best = 0
    var place: Int?
    for (index, idle) in kept.enumerated() where idle.adapter == adapter {
      let limit = min(idle.tokens.count, prompt.count - 1)
      var shared = 0
      while shared < limit && idle.tokens[shared] == prompt[shared] { shared += 1 }
      // Of equals the latest, which leaves older ones to be evicted.
      if shared >= max(best, Self.least) { (best, place) = (shared, index) }
    }
    guard let place else { return nil }
    return (kept.remove(at: place).sequence, best)
  }

  /// Takes out the one used longest ago.
  mutating func evict() -> SequenceID? { kept.isEmpty ? nil : kept.removeFirst().sequence }
}
