// SPDX-License-Identifier: Apache-2.0
// A request on its way: what the asking side and the engine thread share of it.

internal import Synchronization

/// Set by whoever asked, read by the engine at each step.
final class CancelFlag: Sendable {
  private let flag = Atomic(false)
  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}

/// One request, from its submission to its last event. Immutable but for the flag, which is atomic.
final class Ticket: Sendable {
  let request: GenerationRequest
  let seed: UInt64
  let submitted: ContinuousClock.Instant
  let cancelled: CancelFlag
  private let deliver: @Sendable (GenerationEvent) -> Void

  /// - Parameter deliver: takes the events, `finished` being the last.
  init(
    _ request: GenerationRequest, seed: UInt64, cancelled: CancelFlag,
    deliver: @escaping @Sendable (GenerationEvent) -> Void
  ) {
    self.request = request
    self.seed = seed
    self.cancelled = cancelled
    self.deliver = deliver
    submitted = ContinuousClock.now
  }

  /// Why the request must end now, whatever it has said.
  func interruption(at now: ContinuousClock.Instant) -> FinishReason? {
    if cancelled.isSet { return .cancelled }
    if let limit = request.timeLimit, now - submitted >= limit { return .timeout }
    return nil
  }

  func say(_ event: GenerationEvent) { deliver(event) }

  /// Says the last event.
  func finish(_ reason: FinishReason, _ statistics: GenerationStatistics) {
    deliver(.finished(reason, statistics))
  }
}
