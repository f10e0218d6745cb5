// SPDX-License-Identifier: Apache-2.0
// A lock between processes that the kernel gives back when its holder dies (flock, no PID files).

internal import Glibc

/// A held lock on a file, released when the value goes away.
public struct FileLock: ~Copyable, Sendable {
  /// Whether others may hold it at the same time.
  public enum Mode: Sendable { case shared, exclusive }

  private let file: OpenFile

  private init(holding file: consuming OpenFile) { self.file = file }

  /// Waits until the lock is free. Blocks the thread: never call it on the cooperative pool for long.
  public static func waiting(_ path: String, mode: Mode) throws(FileProblem) -> FileLock {
    let file = try open(path)
    while flock(file.descriptor, mode == .shared ? LOCK_SH : LOCK_EX) != 0 {
      guard errno == EINTR else { throw .last("lock", path) }
    }
    return FileLock(holding: file)
  }

  /// Takes the lock only if it is free now.
  /// - Throws: `FileProblem.locked` when another holds it.
  public static func trying(_ path: String, mode: Mode) throws(FileProblem) -> FileLock {
    let file = try open(path)
    guard flock(file.descriptor, (mode == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 else {
      if errno == EWOULDBLOCK { throw .locked(path: path) }
      throw .last("lock", path)
    }
    return FileLock(holding: file)
  }

  /// Gives the lock back; without it the lock lives as long as the value.
  public consuming func release() {}

  /// Does something while holding a lock that is waited for.
  public static func holding<Result>(
    _ path: String, mode: Mode, _ body: () throws -> Result
  ) throws -> Result {
    let lock = try waiting(path, mode: mode)
    let result = try body()
    lock.release()
    return result
  }

  /// Lock files stay behind and belong to everybody who shares the folder.
  private static func open(_ path: String) throws(FileProblem) -> OpenFile {
    try OpenFile(path, flags: O_RDWR | O_CREAT, mode: 0o666)
  }
}
