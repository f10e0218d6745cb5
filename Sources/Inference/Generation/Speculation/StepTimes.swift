// SPDX-License-Identifier: Apache-2.0
// What a step costs as a function of its tokens: the weights are read once for all of them, each adds its products. Whether
// a guess pays depends on nothing else, and differs between machines, models and numbers of texts: so it is measured.

/// A line through the times of steps that decode, later ones counting more.
package struct StepTimes {
  private var weight = 0.0
  private var tokens = 0.0
  private var seconds = 0.0
  private var tokensSquared = 0.0
  private var products = 0.0
  /// Share of the sums that remains after each step.
  private static let memory = 0.98
  /// What a further token costs beside a step of one, until it has been measured.
  private static let assumed = 0.15

  package init() {}

  /// Learns from a step.
  package mutating func learn(tokens count: Int, seconds time: Double) {
    guard count > 0, time > 0, time.isFinite else { return }
    // A step that was interrupted says nothing: it counts as twice what was expected at most.
    let expected = self.time(count)
    let (x, y) = (Double(count), weight > 8 ? min(time, 2 * expected) : time)
    weight = weight * Self.memory + 1
    tokens = tokens * Self.memory + x
    seconds = seconds * Self.memory + y
    tokensSquared = tokensSquared * Self.memory + x * x
    products = products * Self.memory + x * y
  }

  /// Whether anything is known.
  package var isKnown: Bool { weight > 0 }

  /// Seconds that each token adds.
  package var perToken: Double {
    guard weight > 0 else { return Self.assumed }
    let (mean, time) = (tokens / weight, seconds / weight)
    let variance = tokensSquared / weight - mean * mean
    let fallback = Self.assumed * time / (1 + Self.assumed * (mean - 1))
    guard variance > 0.25 else { return fallback }
    let slope = (products / weight - mean * time) / variance
    // Between next to nothing and a step of its own.
    return min(max(slope, 0.02 * time / mean), time / mean)
  }

  /// Seconds of a step with this many tokens.
  package func time(_ count: Int) -> Double {
    guard weight > 0 else { return 1 + Self.assumed * Double(count - 1) }
    return max(seconds / weight + perToken * (Double(count) - tokens / weight), perToken)
  }
}
