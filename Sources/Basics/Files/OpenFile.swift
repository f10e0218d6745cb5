// SPDX-License-Identifier: Apache-2.0
// A file descriptor that closes itself, with reads and writes that always finish or throw.

internal import Glibc

/// An open file, closed when the value goes away.
public struct OpenFile: ~Copyable, Sendable {
  /// The descriptor, valid as long as the value lives.
  public let descriptor: Int32
  /// The path it was opened with, for messages.
  public let path: String

  /// Opens with the flags of open(2); `O_CLOEXEC` is added. Of the mode of a new file the process's umask is taken off.
  public init(_ path: String, flags: Int32, mode: UInt32 = 0o666) throws(FileProblem) {
    let opened = unsafe open(path, flags | O_CLOEXEC, mode)
    guard opened >= 0 else { throw .last("open", path) }
    self.descriptor = opened
    self.path = path
  }

  /// Takes over a descriptor, which is closed with the value.
  init(taking descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// Opens an existing file for reading.
  public static func reading(_ path: String) throws(FileProblem) -> OpenFile {
    try OpenFile(path, flags: O_RDONLY)
  }

  /// Creates a file that must not exist yet, for reading and writing.
  public static func creating(_ path: String, mode: UInt32 = 0o666) throws(FileProblem) -> OpenFile {
    try OpenFile(path, flags: O_RDWR | O_CREAT | O_EXCL, mode: mode)
  }

  /// Opens what must be a regular file itself, no link to one; a pipe or device neither hangs nor is read.
  public static func readingPlain(_ path: String) throws(FileProblem) -> OpenFile {
    let file = try OpenFile(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    var info = stat()
    guard unsafe fstat(file.descriptor, &info) == 0 else { throw .last("examine", path) }
    guard info.st_mode & S_IFMT == S_IFREG else { throw .wrongKind(path: path, expected: "a regular file") }
    return file
  }

  deinit { close(descriptor) }

  /// Size in bytes.
  public func byteCount() throws(FileProblem) -> Int {
    var info = stat()
    guard unsafe fstat(descriptor, &info) == 0 else { throw .last("examine", path) }
    return Int(info.st_size)
  }

  /// When the bytes last changed, to be compared with itself.
  public func changeStamp() throws(FileProblem) -> [Int] {
    var info = stat()
    guard unsafe fstat(descriptor, &info) == 0 else { throw .last("examine", path) }
    return [Int(info.st_mtim.tv_sec), Int(info.st_mtim.tv_nsec), Int(info.st_size)]
  }

  /// Writes all bytes at the current position.
  public func write(_ bytes: Span<UInt8>) throws(FileProblem) {
    var done = 0
    while done < bytes.count {
      let step = unsafe bytes.withUnsafeBytes { raw in
        unsafe Glibc.write(descriptor, raw.baseAddress! + done, raw.count - done)
      }
      if step < 0 && errno == EINTR { continue }
      guard step > 0 else { throw .last("write", path) }
      done += step
    }
  }

  /// Writes all bytes at an offset, leaving the position alone.
  public func write(_ bytes: Span<UInt8>, at offset: Int) throws(FileProblem) {
    var done = 0
    while done < bytes.count {
      let step = unsafe bytes.withUnsafeBytes { raw in
        unsafe pwrite(descriptor, raw.baseAddress! + done, raw.count - done, off_t(offset + done))
      }
      if step < 0 && errno == EINTR { continue }
      guard step > 0 else { throw .last("write", path) }
      done += step
    }
  }

  /// Reads up to `buffer.count` bytes from an offset; 0 at the end of the file.
  public func read(into buffer: inout [UInt8], at offset: Int) throws(FileProblem) -> Int {
    while true {
      let step = unsafe buffer.withUnsafeMutableBytes { raw in
        unsafe pread(descriptor, raw.baseAddress, raw.count, off_t(offset))
      }
      if step < 0 && errno == EINTR { continue }
      guard step >= 0 else { throw .last("read", path) }
      return step
    }
  }

  /// Hands on all bytes from an offset on, a buffer of this size at a time.
  public func forEachPiece(
    ofByteCount byteCount: Int, from start: Int = 0, _ take: (Span<UInt8>) -> Void
  ) throws(FileProblem) {
    var buffer = [UInt8](repeating: 0, count: byteCount)
    var offset = start
    while case let count = try read(into: &buffer, at: offset), count > 0 {
      take(buffer.span.extracting(first: count))
      offset += count
    }
  }

  /// Hands on all bytes, a megabyte at a time, to what may throw its own errors.
  public func forEachPiece(_ take: (Span<UInt8>) throws -> Void) throws {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset = 0
    while case let count = try read(into: &buffer, at: offset), count > 0 {
      try take(buffer.span.extracting(first: count))
      offset += count
    }
  }

  /// Forces everything written to the disk.
  public func synchronize() throws(FileProblem) {
    guard fsync(descriptor) == 0 else { throw .last("flush", path) }
  }

  /// Cuts or extends the file.
  public func truncate(to byteCount: Int) throws(FileProblem) {
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw .last("resize", path) }
  }
}
