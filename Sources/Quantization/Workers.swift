// SPDX-License-Identifier: Apache-2.0
// Work on all cores without the cooperative pool, which must never be held for seconds.

internal import Glibc
internal import Synchronization

/// Threads of its own for a run of independent tasks.
public enum Workers {
  /// Calls `body` once for each of `0..<count`, on up to `threads` threads, the caller's among them.
  /// Tasks start in order; after the first error no further one starts.
  /// - Throws: the first error of a task.
  public static func run(
    count: Int, threads: Int, _ body: @escaping @Sendable (Int) throws -> Void
  ) throws {
    let shared = Shared(count: count, body: body)
    let extra = min(threads, count) - 1
    var handles: [pthread_t] = []
    for _ in 0..<max(0, extra) {
      var handle = pthread_t()
      let argument = Unmanaged.passRetained(shared)
      let made = pthread_create(
        &handle, nil,
        { raw in
          if let raw { Unmanaged<Shared>.fromOpaque(raw).takeRetainedValue().work() }
          return nil
        }, argument.toOpaque())
      guard made == 0 else {
        // Without another thread the work is done by those there are.
        argument.release()
        break
      }
      handles.append(handle)
    }
    shared.work()
    for handle in handles { pthread_join(handle, nil) }
    try shared.outcome()
  }

  private final class Shared: Sendable {
    private let next = Atomic<Int>(0)
    private let failure = Mutex<(any Error)?>(nil)
    private let count: Int
    private let body: @Sendable (Int) throws -> Void

    init(count: Int, body: @escaping @Sendable (Int) throws -> Void) {
      self.count = count
      self.body = body
    }

    func work() {
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        do { try body(index) } catch {
          failure.withLock { $0 = $0 ?? error }
          next.store(count, ordering: .relaxed)
          return
        }
      }
    }

    func outcome() throws { if let error = failure.withLock({ $0 }) { throw error } }
  }
}
