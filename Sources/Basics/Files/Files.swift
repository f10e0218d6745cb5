// SPDX-License-Identifier: Apache-2.0
// The few file-system steps everybody needs, each of which throws a `FileProblem` with its path.

internal import Glibc

/// Plain file-system operations.
public enum Files {
  /// What a path names.
  public enum Kind: Sendable, Equatable { case file, folder, link, other }

  /// What is at the path, links not followed; nil when nothing is.
  public static func kind(_ path: String) -> Kind? {
    var info = stat()
    guard unsafe lstat(path, &info) == 0 else { return nil }
    return switch info.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    case S_IFLNK: .link
    default: .other
    }
  }

  /// Whether a regular file is at the path, links followed.
  public static func isFile(_ path: String) -> Bool { followed(path).map { $0.st_mode & S_IFMT == S_IFREG } ?? false }
  /// Whether a folder is at the path, links followed.
  public static func isFolder(_ path: String) -> Bool { followed(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false }

  private static func followed(_ path: String) -> stat? {
    var info = stat()
    return unsafe stat(path, &info) == 0 ? info : nil
  }

  /// Size in bytes, links followed.
  public static func byteCount(_ path: String) throws(FileProblem) -> Int {
    guard let info = followed(path) else { throw .last("examine", path) }
    return Int(info.st_size)
  }

  /// Names that a file has, in all folders.
  public static func linkCount(_ path: String) throws(FileProblem) -> Int {
    guard let info = followed(path) else { throw .last("examine", path) }
    return Int(info.st_nlink)
  }

  /// Lets the owner change a file.
  public static func makeWritable(_ path: String) throws(FileProblem) {
    guard unsafe chmod(path, 0o644) == 0 else { throw .last("make writable", path) }
  }

  /// Seconds since 1970 of the last change.
  public static func modificationTime(_ path: String) throws(FileProblem) -> Int64 {
    guard let info = followed(path) else { throw .last("examine", path) }
    return Int64(info.st_mtim.tv_sec)
  }

  /// The whole file, refused above `limit` bytes.
  public static func read(_ path: String, limit: Int = 1 << 30) throws(FileProblem) -> [UInt8] {
    let file = try OpenFile.reading(path)
    let count = try file.byteCount()
    guard count <= limit else { throw .tooLarge(path: path, byteCount: count, limit: limit) }
    var buffer = [UInt8](repeating: 0, count: max(count, 4096))
    var content: [UInt8] = []
    while true {
      let step = try file.read(into: &buffer, at: content.count)
      if step == 0 { return content }
      content.append(contentsOf: buffer[..<step])
      guard content.count <= limit else { throw .tooLarge(path: path, byteCount: content.count, limit: limit) }
    }
  }

  /// Names in a folder without `.` and `..`, sorted by their bytes.
  public static func list(_ path: String) throws(FileProblem) -> [String] {
    guard let folder = unsafe opendir(path) else { throw .last("list", path) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Makes a folder and those above it; fine when it exists.
  public static func makeFolders(_ path: String, mode: UInt32 = 0o777) throws(FileProblem) {
    if isFolder(path) { return }
    let above = parent(of: path)
    if above != path && !isFolder(above) { try makeFolders(above, mode: mode) }
    guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else { throw .last("make the folder", path) }
    guard isFolder(path) else { throw .wrongKind(path: path, expected: "a folder") }
  }

  /// Moves a file within its file system, replacing what is at the target.
  public static func rename(_ path: String, to target: String) throws(FileProblem) {
    guard unsafe Glibc.rename(path, target) == 0 else { throw .last("rename to \(target) the file", path) }
  }

  /// Removes a file or link; fine when it is gone already.
  public static func remove(_ path: String) throws(FileProblem) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .last("remove", path) }
  }

  /// Removes a folder with all that is in it, links not followed; fine when it is gone already.
  public static func removeTree(_ path: String) throws(FileProblem) {
    switch kind(path) {
    case nil: return
    case .folder:
      for name in try list(path) { try removeTree("\(path)/\(name)") }
      guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw .last("remove", path) }
    default: try remove(path)
    }
  }

  /// Makes a symbolic link holding `target` as it is.
  public static func link(_ path: String, to target: String) throws(FileProblem) {
    guard unsafe symlink(target, path) == 0 else { throw .last("link", path) }
  }

  /// What a symbolic link holds.
  public static func linkTarget(_ path: String) throws(FileProblem) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes { raw in
      unsafe readlink(path, raw.baseAddress!.assumingMemoryBound(to: CChar.self), raw.count)
    }
    guard count >= 0 else { throw .last("read the link", path) }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// The absolute path with all links followed; nil when something on the way is missing.
  public static func resolved(_ path: String) -> String? {
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  /// Whether two paths are names of one file, links followed.
  public static func isSame(_ one: String, _ other: String) -> Bool {
    guard let first = followed(one), let second = followed(other) else { return false }
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino
  }

  /// Flushes a folder, so that a rename in it survives a power cut.
  public static func synchronizeFolder(_ path: String) throws(FileProblem) {
    let folder = try OpenFile(path, flags: O_RDONLY | O_DIRECTORY)
    guard fsync(folder.descriptor) == 0 || errno == EINVAL else { throw .last("flush", path) }
  }

  /// Everything before the last slash; `.` when there is none.
  public static func parent(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Everything after the last slash.
  public static func name(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
    return String(path[path.utf8.index(after: slash)...])
  }

  /// Bytes that an unprivileged process may still write on the file system of `path`.
  public static func freeBytes(at path: String) throws(FileProblem) -> Int {
    var info = statvfs()
    guard unsafe statvfs(path, &info) == 0 else { throw .last("examine the file system of", path) }
    return Int(clamping: UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize)).partialValue)
  }

  /// Files that may still be made on the file system of `path`; nil where their number has no limit of its own.
  public static func freeFiles(at path: String) throws(FileProblem) -> Int? {
    var info = statvfs()
    guard unsafe statvfs(path, &info) == 0 else { throw .last("examine the file system of", path) }
    return info.f_files == 0 ? nil : Int(clamping: UInt64(info.f_favail))
  }

  /// The process's working folder.
  public static var currentFolder: String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = buffer.count
    let isKnown = unsafe buffer.withUnsafeMutableBufferPointer { unsafe getcwd($0.baseAddress, count) != nil }
    guard isKnown else { return "/" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Letters for a temporary name: this process, and a random part.
  public static func uniqueSuffix() -> String {
    "\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
  }
}
