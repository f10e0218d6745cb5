// SPDX-License-Identifier: Apache-2.0
// How many guessed tokens a step verifies for each text.
//
// A step with n tokens takes T(n) seconds and brings E tokens: one for each text, and each guess with the chance that it and
// all before it are right. A guess of chance P that costs c seconds raises E / T exactly if P / c > E / T. So guesses are
// taken by their chances, the best first, until the next one would not pay.

/// Chooses the lengths of drafts.
package enum Drafting {
  /// Longest draft from an earlier place, and from a model.
  static let longestGuess = 16
  static let longestDraft = 8

  /// Takes guesses while they pay.
  /// - Parameters:
  ///   - chances: for each text its guesses' chances, each given that those before it are right.
  ///   - base: tokens of the step without these guesses.
  ///   - expected: tokens the step brings without them.
  ///   - extra: seconds the step takes besides its tokens.
  ///   - limit: most tokens of the step.
  /// - Returns: how many of each text's guesses to take.
  package static func lengths(
    _ chances: [[Double]], base: Int, expected: Double, extra: Double = 0, times: StepTimes, limit: Int
  ) -> [Int] {
    var lengths = chances.map { _ in 0 }
    var next = chances.map { $0.first ?? 0 }
    var (tokens, expected) = (base, expected)
    while tokens < limit, let best = next.indices.max(by: { next[$0] < next[$1] }), next[best] > 0 {
      guard next[best] * (times.time(tokens) + extra) > times.perToken * expected else { break }
      expected += next[best]
      tokens += 1
      lengths[best] += 1
      next[best] = lengths[best] < chances[best].count ? next[best] * chances[best][lengths[best]] : 0
    }
    return lengths
  }

  /// How many tokens a draft model is to write for each of several texts at once.
  /// - Parameters:
  ///   - odds: for each text the chance that a token of the model's is right.
  ///   - base: tokens of the step without drafts.
  ///   - draft: times of the draft model's steps.
  package static func modelLength(_ odds: [Double], base: Int, times: StepTimes, draft: StepTimes, limit: Int) -> Int {
    guard !odds.isEmpty else { return 0 }
    // Until both are known, a short draft measures them.
    guard times.isKnown, draft.isKnown else { return 2 }
    var (best, bestRate) = (0, Double(base) / times.time(base))
    var expected = Double(base)
    var chances = odds
    for length in 1...longestDraft where base + length * odds.count <= limit {
      expected += chances.reduce(0, +)
      for index in chances.indices { chances[index] *= odds[index] }
      let seconds = times.time(base + length * odds.count) + Double(length) * draft.time(odds.count)
      if expected / seconds > bestRate { (best, bestRate) = (length, expected / seconds) }
    }
    return best
  }
}
