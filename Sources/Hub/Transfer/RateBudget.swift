// SPDX-License-Identifier: Apache-2.0
// The rate limit of all transfers together.

/// A budget of bytes that fills with time: the rate limit of all transfers together.
package struct RateBudget {
  private let bytesPerSecond: Int
  private var available: Double
  private var last: ContinuousClock.Instant

  package init(bytesPerSecond: Int, now: ContinuousClock.Instant) {
    self.bytesPerSecond = max(1, bytesPerSecond)
    available = 0
    last = now
  }

  /// Whether bytes may be taken now.
  package var isOpen: Bool { available > 0 }

  /// Adds what the passed time allows, at most a tenth of a second's worth in stock.
  package mutating func refill(now: ContinuousClock.Instant) {
    let rate = Double(bytesPerSecond)
    available = min(available + rate * (now - last).seconds, max(rate / 10, 1))
    last = now
  }

  /// Takes bytes; the budget may go below zero and then pays back.
  package mutating func spend(_ count: Int) { available -= Double(count) }
}
