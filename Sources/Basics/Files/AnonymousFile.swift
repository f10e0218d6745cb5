// SPDX-License-Identifier: Apache-2.0
// A file without a name: what is a hole in it costs nothing, and it is gone with its last user.

internal import Glibc

/// A sparse file in memory, or on a disk where the system has no shared memory.
public final class AnonymousFile: Sendable {
  private let file: OpenFile

  /// - Parameter folder: where it is made when it cannot be in memory.
  public init(folder: String) throws(FileProblem) {
    let name = "impetus-\(Files.uniqueSuffix())"
    let descriptor = unsafe shm_open("/\(name)", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor >= 0 {
      unsafe shm_unlink("/\(name)")
      file = OpenFile(taking: descriptor, path: name)
    } else {
      file = try OpenFile.creating("\(folder)/\(name)", mode: 0o600)
      try Files.remove("\(folder)/\(name)")
    }
  }

  /// A path under which this process can open it.
  public var path: String { "/proc/self/fd/\(file.descriptor)" }

  /// Puts bytes at its front and gives it a length; what lies behind them is a hole.
  public func write(_ bytes: [UInt8], byteCount: Int) throws(FileProblem) {
    try file.write(bytes.span, at: 0)
    try file.truncate(to: byteCount)
  }
}
