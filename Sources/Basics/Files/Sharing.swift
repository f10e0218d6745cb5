// SPDX-License-Identifier: Apache-2.0
// A second name for a file's content, with as little disk as the file system allows: shared blocks (FICLONE), else a
// second link to the same file where that is as safe as a copy, else a copy.

internal import Glibc

/// How a content came to a second place.
public enum Sharing: String, Sendable, CaseIterable {
  /// Blocks shared by the file system; each side may change without the other.
  case reflink = "reflink"
  /// Two names of one file.
  case hardLink = "hard-link"
  /// Bytes written once more.
  case copy = "copy"

  /// Below this a link saves nothing worth having, and small files are those that people edit in place.
  public static let leastLinkedByteCount = 1 << 20

  /// Puts the content of an open regular file at a path where nothing is.
  /// - Parameters:
  ///   - allowsLinks: false copies where blocks cannot be shared.
  ///   - progress: told the bytes of a copy, piece by piece; throws to stop.
  /// - Returns: how it was done. After a hard link the file's mode is that of the source.
  public static func place(
    _ source: borrowing OpenFile, at target: String, allowsLinks: Bool = true, progress: (Int) throws -> Void = { _ in }
  ) throws -> Sharing {
    if try clones(source, to: target) { return .reflink }
    if allowsLinks, try isLinkable(source), link(source, to: target) { return .hardLink }
    try copy(source, to: target, progress)
    return .copy
  }

  /// Whether blocks could be shared; then the target is there.
  package static func clones(_ source: borrowing OpenFile, to target: String) throws -> Bool {
    do {
      let file = try OpenFile.creating(target)
      if ioctl(file.descriptor, cloneRequest, source.descriptor) == 0 { return true }
    }
    try Files.remove(target)
    return false
  }

  /// `FICLONE` of linux/fs.h.
  private static let cloneRequest: UInt = 0x4004_9409

  /// Whether a second link is as good as a copy: a large file of this user that everybody may read.
  private static func isLinkable(_ source: borrowing OpenFile) throws -> Bool {
    var info = stat()
    guard unsafe fstat(source.descriptor, &info) == 0 else { throw FileProblem.last("examine", source.path) }
    return isLinkable(info)
  }

  private static func isLinkable(_ info: stat) -> Bool {
    info.st_mode & S_IFMT == S_IFREG && Int(info.st_size) >= leastLinkedByteCount && info.st_uid == geteuid()
      && info.st_mode & 0o7444 == 0o444
  }

  /// By the open file, not by its path: what was examined is what is linked.
  private static func link(_ source: borrowing OpenFile, to target: String) -> Bool {
    unsafe linkat(AT_FDCWD, "/proc/self/fd/\(source.descriptor)", AT_FDCWD, target, AT_SYMLINK_FOLLOW) == 0
  }

  private static func copy(
    _ source: borrowing OpenFile, to target: String, _ progress: (Int) throws -> Void
  ) throws {
    do {
      let file = try OpenFile.creating(target)
      try source.forEachPiece {
        try file.write($0)
        try progress($0.count)
      }
    } catch {
      try? Files.remove(target)
      throw error
    }
  }

  /// Whether a file's content could be had in a folder without writing its bytes, as far as can be told without trying:
  /// a link on the same file system. (Where blocks can be shared it is so for other files too.)
  public static func isLikely(_ path: String, in folder: String) -> Bool {
    var (file, place) = (stat(), stat())
    guard unsafe stat(path, &file) == 0, unsafe stat(folder, &place) == 0 else { return false }
    return file.st_dev == place.st_dev && isLinkable(file)
  }
}
