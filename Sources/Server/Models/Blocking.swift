// SPDX-License-Identifier: Apache-2.0
// Work that waits for a disk or computes for seconds, away from the cooperative pool.

internal import Basics

/// Runs blocking work on a thread of its own.
enum Blocking {
  private struct NoThread: Problem {
    let code = "server.no-thread"
    let what = "the system has no thread left"
  }

  /// The work's value, once it is done.
  static func run<Value: Sendable>(_ name: String, _ work: @escaping @Sendable () throws -> Value) async throws -> Value
  {
    try await withCheckedThrowingContinuation { continuation in
      let isStarted = NamedThread.start(name) { continuation.resume(with: Result(catching: work)) }
      if !isStarted { continuation.resume(throwing: NoThread()) }
    }
  }
}
