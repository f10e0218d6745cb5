// SPDX-License-Identifier: Apache-2.0
// Finished sequences whose keys and values are kept, so that a request which begins with the same tokens
// (the next turn of a chat, another one with the same instructions) need not have them read again. The results are the
// same either way.

/// Sequences nobody runs, the one used longest ago first.
struct IdleSequences {
  private struct Idle {
    let sequence: SequenceID
    let tokens: [Int32]
    let adapter: Int?
  }

  /// A sequence that begins as a text does.
  struct Match {
    let sequence: SequenceID
    /// Tokens both have.
    let shared: Int
    /// Tokens it has behind them.
    let rest: Int
  }

  private var kept: [Idle] = []

  var count: Int { kept.count }

  /// Keeps a sequence that holds these tokens, read with an adapter or without.
  mutating func keep(_ sequence: SequenceID, tokens: ArraySlice<Int32>, adapter: Int?) {
    kept.append(Idle(sequence: sequence, tokens: Array(tokens), adapter: adapter))
  }

  /// The sequence of an adapter that shares the longest beginning with a text.
  ///
  /// At least one token of the text is left to compute, since logits are not kept.
  func best(for text: [Int32], adapter: Int?) -> Match? {
    var best: Match?
    for idle in kept where idle.adapter == adapter {
      let shared = min(text.sharedBeginning(with: idle.tokens), text.count - 1)
      // Of equals the latest, which leaves older ones to be evicted.
      guard shared >= max(best?.shared ?? 0, Beginning.least) else { continue }
      best = Match(sequence: idle.sequence, shared: shared, rest: idle.tokens.count - shared)
    }
    return best
  }

  /// Takes a sequence out.
  mutating func take(_ sequence: SequenceID) { kept.removeAll { $0.sequence == sequence } }

  /// Counts a sequence as just used.
  mutating func touch(_ sequence: SequenceID) {
    guard let place = kept.firstIndex(where: { $0.sequence == sequence }) else { return }
    kept.append(kept.remove(at: place))
  }

  /// Takes out the one used longest ago.
  mutating func evict() -> SequenceID? { kept.isEmpty ? nil : kept.removeFirst().sequence }
}
