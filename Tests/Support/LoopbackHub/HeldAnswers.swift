// SPDX-License-Identifier: Apache-2.0
// Answers that stop in the middle until a test lets them go on: events in place of clocks.

internal import Synchronization

/// The answers that a hub holds.
final class HeldAnswers: Sendable {
  private struct State {
    var count = 0
    /// How often they were let go.
    var releases = 0
  }
  private let state = Mutex(State())

  /// Answers that wait.
  var count: Int { state.withLock { $0.count } }

  /// Lets those that wait go on.
  func release() { state.withLock { $0.releases += 1 } }

  /// Waits for the next release.
  /// - Returns: false when the client has gone.
  func hold(_ reply: HTTPReply) -> Bool {
    let before = state.withLock { state in
      state.count += 1
      return state.releases
    }
    defer { state.withLock { $0.count -= 1 } }
    while state.withLock({ $0.releases }) == before {
      if reply.isLeft(within: 10) { return false }
    }
    return true
  }
}
