// SPDX-License-Identifier: Apache-2.0
// Ctrl-C: ends what is under way, and the program when nothing is; a second one ends it at once.

import Basics
import Glibc
import Synchronization

/// Hears SIGINT and SIGTERM on a thread of its own.
final class Interrupts: Sendable {
  /// The one of the process; made before any thread is.
  static let shared = Interrupts()

  private struct State {
    var action: (@Sendable () -> Void)?
    var hearsTermination = false
    var isPending = false
  }

  private let state = Mutex(State())

  private init() {}

  /// Begins to listen; called once, first of all.
  func start() {
    guard pipe(&interruptPipe) == 0 else { return }
    for end in interruptPipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    for number in [SIGINT, SIGTERM] {
      _ = signal(number) { number in
        // Only what is allowed in a handler: one write to a pipe.
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(interruptPipe[1], &byte, 1)
      }
    }
    _ = NamedThread.start("signals") { [self] in listen() }
  }

  private func listen() {
    var byte: UInt8 = 0
    while true {
      let count = read(interruptPipe[0], &byte, 1)
      if count < 0 && errno == EINTR { continue }
      guard count == 1 else { return }
      let number = Int32(byte)
      let action = state.withLock { state -> (@Sendable () -> Void)? in
        guard number == SIGINT || state.hearsTermination, !state.isPending else { return nil }
        state.isPending = state.action != nil
        return state.action
      }
      guard let action else {
        if Output.error.isTerminal { Output.error.line() }
        Output.standard.flush()
        _exit(128 + number)
      }
      action()
    }
  }

  /// Does something that Ctrl-C ends by `action` instead of ending the program.
  /// - Parameter hearsTermination: SIGTERM does the same.
  func handling<Result>(
    _ action: @escaping @Sendable () -> Void, hearsTermination: Bool = false, _ body: () async throws -> Result
  ) async rethrows -> Result {
    state.withLock { $0 = State(action: action, hearsTermination: hearsTermination) }
    defer { state.withLock { $0 = State() } }
    return try await body()
  }
}

/// The pipe between the handler and the thread. Written once before the handler is installed, then only read.
private nonisolated(unsafe) var interruptPipe: [Int32] = [-1, -1]

/// Runs a cancellable task that Ctrl-C cancels.
func interruptible<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
  let task = Task { try await body() }
  return try await Interrupts.shared.handling({ task.cancel() }) { try await task.value }
}

/// Runs a pull: after Ctrl-C it says how to go on, and ends with the status of that signal.
func resumable<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
  do {
    return try await interruptible(body)
  } catch let problem as any Problem where problem.code.hasSuffix(".cancelled") {
    note("stopped; what is finished is kept, and the same command goes on from there")
    throw CancellationError()
  }
}

/// Runs work that blocks on a thread of its own; Ctrl-C makes `isCancelled` true.
func blocking<Result: Sendable>(
  _ body: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> Result
) async throws -> Result {
  let flag = InterruptFlag()
  return try await Interrupts.shared.handling({ flag.set() }) {
    try await withCheckedThrowingContinuation { continuation in
      let isStarted = NamedThread.start("work") {
        do {
          let result = try body { flag.isSet }
          continuation.resume(returning: result)
        } catch {
          continuation.resume(throwing: flag.isSet ? CancellationError() : error)
        }
      }
      if !isStarted { continuation.resume(throwing: CommandProblem.noThread) }
    }
  }
}

/// Set by Ctrl-C.
final class InterruptFlag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
