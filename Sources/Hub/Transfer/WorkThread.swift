// SPDX-License-Identifier: Apache-2.0
// One piece of work after the other, on a thread that may wait for the disk.

internal import Basics
internal import Synchronization

/// A thread that does one piece of work after the other: disk and hashing, away from the
/// cooperative pool and from the transfer thread.
final class WorkThread: Sendable {
  /// The queue is its own object so that the running thread does not keep its owner alive.
  private final class Queue: Sendable {
    private struct State {
      var work: [@Sendable () -> Void] = []
      var isClosed = false
    }
    private let state = Mutex(State())
    private let bell = Bell()

    func add(_ work: @escaping @Sendable () -> Void) {
      state.withLock { $0.work.append(work) }
      bell.ring()
    }

    func close() {
      state.withLock { $0.isClosed = true }
      bell.ring()
    }

    func run() {
      while true {
        bell.wait()
        let (batch, isClosed) = state.withLock { state in
          let taken = (state.work, state.isClosed)
          state.work.removeAll(keepingCapacity: true)
          return taken
        }
        for work in batch { work() }
        if isClosed && batch.isEmpty { return }
        if isClosed { bell.ring() }
      }
    }
  }

  private let queue = Queue()

  /// Nil when the system has no thread.
  init?(_ name: String) {
    let queue = queue
    guard NamedThread.start(name, { queue.run() }) else { return nil }
  }

  deinit { queue.close() }

  /// Appends work; returns at once.
  func add(_ work: @escaping @Sendable () -> Void) { queue.add(work) }

  /// Appends work and waits for its value.
  func value<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      queue.add { continuation.resume(returning: work()) }
    }
  }
}
