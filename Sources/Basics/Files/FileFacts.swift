// SPDX-License-Identifier: Apache-2.0
// What the system says of a file in one question: size, names, rights, times.

internal import Glibc

extension Files {
  /// Facts of a file, a folder or a link itself.
  public struct Facts: Sendable, Equatable {
    /// Size in bytes.
    public let byteCount: Int
    /// Names that the content has, here and elsewhere on the file system.
    public let linkCount: Int
    /// The right bits of the mode, with set-group-id and sticky.
    public let mode: UInt32
    /// Seconds since 1970 of the last change of content, name or rights.
    public let changed: Int

    /// Whether the group may write.
    public var isGroupWritable: Bool { mode & 0o020 != 0 }
    /// Whether what is made in the folder belongs to the folder's group.
    public var inheritsGroup: Bool { mode & 0o2000 != 0 }
  }

  /// The facts of what is at the path; nil when nothing is.
  /// - Parameter followsLinks: whether the facts of a link are those of what it points to.
  public static func facts(_ path: String, followsLinks: Bool = false) -> Facts? {
    var info = stat()
    guard unsafe (followsLinks ? stat(path, &info) : lstat(path, &info)) == 0 else { return nil }
    return Facts(
      byteCount: Int(info.st_size), linkCount: Int(info.st_nlink), mode: info.st_mode & 0o7777,
      changed: max(info.st_mtim.tv_sec, info.st_ctim.tv_sec))
  }

  /// Sets which rights new files of this process get: those of its umask without writing by others, or, to share files
  /// with a group, all that the group needs, whatever the umask was.
  public static func setNewFileRights(forGroup: Bool) {
    let old = umask(0o022)
    _ = umask(forGroup ? 0o002 : old | 0o022)
  }

  /// Whether this process may make and remove names in a folder, as far as rights and the mount say.
  public static func isWritableFolder(_ path: String) -> Bool { unsafe access(path, W_OK | X_OK) == 0 }
}
