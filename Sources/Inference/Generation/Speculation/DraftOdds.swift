// SPDX-License-Identifier: Apache-2.0
// How often guesses have been right in one text. A guess from an earlier place is the better the longer that place agrees,
// so each length has odds of its own. They are learned also while nothing is drafted, from the guess one would have made:
// that costs nothing, and drafting begins again as soon as a text repeats itself.

/// Odds of guesses, learned as an answer goes on.
package struct DraftOdds {
  /// Chance that the next token is guessed right, by how many tokens agree before it.
  private var lookup: [Double] = [0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9]
  /// The same for the draft model.
  package private(set) var model = 0.7
  /// Weight of a new outcome.
  private static let rate = 0.12

  package init() {}

  /// Chance of the token after `length` that agree.
  package func afterMatch(_ length: Int) -> Double { lookup[Self.place(length)] }

  package mutating func learn(match length: Int, isRight: Bool) {
    let place = Self.place(length)
    lookup[place] += ((isRight ? 1 : 0) - lookup[place]) * Self.rate
  }

  package mutating func learn(modelIsRight isRight: Bool) { model += ((isRight ? 1 : 0) - model) * Self.rate / 2 }

  private static func place(_ length: Int) -> Int {
    switch length {
    case ...2: 0
    case 3: 1
    case 4: 2
    case 5...6: 3
    case 7...10: 4
    case 11...20: 5
    default: 6
    }
  }
}
