// SPDX-License-Identifier: Apache-2.0
// One gate per server: when it says "too many requests", every request to it waits, not only the
// one that was told.

internal import Synchronization

/// Until when each server wants no requests.
package final class OriginGates: Sendable {
  package init() {}

  private let closed = Mutex<[WebAddress.Origin: ContinuousClock.Instant]>([:])

  /// Closes a gate for a time, or longer where it is closed for longer already.
  func close(_ origin: WebAddress.Origin, for duration: Duration) {
    let until = ContinuousClock.now + duration
    closed.withLock { $0[origin] = max($0[origin] ?? until, until) }
  }

  /// Returns when the gate is open; at once when it is.
  /// - Throws: `CancellationError`.
  func pass(_ origin: WebAddress.Origin) async throws {
    while let until = closed.withLock({ $0[origin] }), until > .now {
      try await Task.sleep(until: until, clock: .continuous)
    }
  }
}
