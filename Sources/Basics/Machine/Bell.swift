// SPDX-License-Identifier: Apache-2.0
// A counting semaphore: how other threads wake a thread that sleeps until there is work.

internal import Glibc

/// Rung by any thread, waited for by one.
///
/// Sendable: `sem_t` is made for sharing between threads, and its address never changes.
@safe public final class Bell: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  /// A silent bell.
  public init() { unsafe sem_init(semaphore, 0, 0) }

  deinit {
    unsafe sem_destroy(semaphore)
    unsafe semaphore.deallocate()
  }

  /// Wakes the waiting thread, now or when it next waits.
  public func ring() { unsafe sem_post(semaphore) }

  /// Sleeps until the bell has been rung; each ring ends one wait.
  public func wait() { while unsafe sem_wait(semaphore) != 0 {} }

  /// Forgets rings nobody waited for.
  public func silence() { while unsafe sem_trywait(semaphore) == 0 {} }
}
