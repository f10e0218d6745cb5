// SPDX-License-Identifier: Apache-2.0
// Threads with a name, deaf to signals: the main thread hears Ctrl-C, a closed socket is an error
// code, and a file size limit is EFBIG.

internal import Basics
internal import Glibc
internal import Synchronization

/// Starts detached threads.
enum NamedThread {
  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void
    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// Gives the calling thread its name, as debuggers and `top -H` show it; the first 15 letters count.
  private static func rename(_ text: String) {
    guard let file = try? OpenFile("/proc/thread-self/comm", flags: O_WRONLY) else { return }
    try? file.write(Array(text.utf8).span)
  }

  /// Runs `body` on a new thread; false when the system has none.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    let held = Unmanaged.passRetained(Body(name, body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // New threads inherit the mask: no signal can arrive between the start and a call in it.
    var every = sigset_t()
    var before = sigset_t()
    sigfillset(&every)
    pthread_sigmask(SIG_SETMASK, &every, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let failed = pthread_create(
      &thread, &attributes,
      { context in
        guard let context else { return nil }
        let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
        NamedThread.rename(body.name)
        body.run()
        return nil
      }, held.toOpaque())
    if failed != 0 { held.release() }
    return failed == 0
  }
}

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

/// A counting semaphore. Sendable: `sem_t` is made for sharing, and its address never changes.
private final class Bell: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }
  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func ring() { sem_post(semaphore) }
  func wait() { while sem_wait(semaphore) != 0 {} }
}
