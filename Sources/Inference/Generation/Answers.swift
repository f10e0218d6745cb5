// SPDX-License-Identifier: Apache-2.0
// Several answers that are asked for, read and cancelled together.

internal import Synchronization

/// The events of requests that belong together.
public struct Answers: Sendable {
  /// An event of one of the answers.
  public struct Event: Sendable {
    /// Place of the request among those asked.
    public let answer: Int
    public let event: GenerationEvent
  }

  /// All events, each answer's in order; ends when every answer has finished.
  public let events: AsyncStream<Event>
  private let onCancel: @Sendable () -> Void

  init(events: AsyncStream<Event>, onCancel: @escaping @Sendable () -> Void) {
    self.events = events
    self.onCancel = onCancel
  }

  /// Ends all answers at the engine's next step; the events then end with `.cancelled`.
  public func cancel() { onCancel() }
}

/// Counts how many of several have ended.
final class Countdown: Sendable {
  private let left: Atomic<Int>

  init(_ count: Int) { left = Atomic(count) }

  /// Counts one; true for the last.
  func reachesZero() -> Bool { left.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 }
}
