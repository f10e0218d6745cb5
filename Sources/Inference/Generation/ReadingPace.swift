// SPDX-License-Identifier: Apache-2.0
// How many tokens of a prompt fit into a step, so that a long prompt does not freeze running answers.

/// Learns how fast prompts are read and turns a time budget into tokens.
struct ReadingPace {
  /// Longest pause for answers under way, and for the cancelled flag of a prompt read alone.
  private static let sharedBudget = 0.1
  private static let aloneBudget = 0.5
  /// Below this a step's fixed costs outweigh its work.
  private static let least = 16
  private var tokensPerSecond: Double?

  /// Tokens of prompts to read in the next step.
  func tokens(sharing: Bool, limit: Int) -> Int {
    guard let tokensPerSecond else { return min(limit, sharing ? 4 * Self.least : 16 * Self.least) }
    let budget = sharing ? Self.sharedBudget : Self.aloneBudget
    return min(limit, max(Self.least, Int(min(tokensPerSecond * budget, 1e6))))
  }

  /// Learns from a step in which prompts were most of the work.
  mutating func learn(tokens: Int, of all: Int, seconds: Double) {
    guard tokens >= Self.least, tokens * 2 > all, seconds > 0 else { return }
    let measured = Double(tokens) / seconds
    tokensPerSecond = tokensPerSecond.map { 0.7 * $0 + 0.3 * measured } ?? measured
  }
}
