// SPDX-License-Identifier: Apache-2.0
// Work that blocks, awaited: on a thread of its own, so that the cooperative pool stays free.

internal import Glibc

extension NamedThread {
  /// Runs blocking work on a new thread and waits for it without blocking.
  /// - Throws: what `body` throws, or `FileProblem.system` when the system has no thread.
  public static func run<Result: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      let isStarted = start(name) { continuation.resume(with: Swift.Result { try body() }) }
      if !isStarted {
        continuation.resume(throwing: FileProblem.system(operation: "start", path: "a thread", number: EAGAIN))
      }
    }
  }
}
