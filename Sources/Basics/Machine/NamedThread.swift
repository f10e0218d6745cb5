// SPDX-License-Identifier: Apache-2.0
// Threads with a name, deaf to signals: the main thread hears Ctrl-C.

internal import Glibc

/// Starts detached threads.
public enum NamedThread {
  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void
    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// Runs `body` on a new thread; false when the system has none.
  /// - Parameter name: as debuggers and `top -H` show it; the first 15 letters count.
  public static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    let held = unsafe Unmanaged.passRetained(Body(name, body))
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // New threads inherit the mask: no signal can arrive between the start and a call in it.
    var every = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&every)
    unsafe pthread_sigmask(SIG_SETMASK, &every, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let failed = unsafe pthread_create(
      &thread, &attributes,
      { context in
        guard let context = unsafe context else { return nil }
        let body = unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
        NamedThread.rename(body.name)
        body.run()
        return nil
      }, held.toOpaque())
    if failed != 0 { unsafe held.release() }
    return failed == 0
  }

  private static func rename(_ text: String) {
    guard let file = try? OpenFile("/proc/thread-self/comm", flags: O_WRONLY) else { return }
    try? file.write(Array(text.utf8).span)
  }
}
