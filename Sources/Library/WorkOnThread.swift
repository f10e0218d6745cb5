// SPDX-License-Identifier: Apache-2.0
// Work that waits for a disk or computes for seconds, away from the cooperative pool.

internal import Basics
internal import Synchronization

/// Runs blocking work on a thread of its own.
enum WorkOnThread {
  private struct NoThread: Problem {
    let code = "system.no-thread"
    let what = "the system has no thread left"
  }

  /// The work's value, once it is done. When the task is cancelled, what the work is given says so.
  static func value<Value: Sendable>(
    _ name: String, _ work: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> Value
  ) async throws -> Value {
    let flag = Flag()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isStarted = NamedThread.start(name) {
          continuation.resume(with: Result { try work { flag.isSet.load(ordering: .relaxed) } })
        }
        if !isStarted { continuation.resume(throwing: NoThread()) }
      }
    } onCancel: {
      flag.isSet.store(true, ordering: .relaxed)
    }
  }

  private final class Flag: Sendable {
    let isSet = Atomic(false)
  }
}
