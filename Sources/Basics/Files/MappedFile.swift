// SPDX-License-Identifier: Apache-2.0
// A file's bytes in memory without reading them: pages come in when they are touched.

internal import Glibc

/// A read-only mapping of a whole file. The mapping lives as long as the object.
@safe public final class MappedFile: Sendable {
  public let path: String
  public let byteCount: Int
  /// Start of the mapping; nil for an empty file. Immutable pages, so sharing is safe.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// Maps a regular file.
  /// - Throws: `FileProblem` when it does not exist, is no regular file or cannot be mapped.
  public init(_ path: String) throws(FileProblem) {
    let file = try OpenFile.reading(path)
    var info = stat()
    guard unsafe fstat(file.descriptor, &info) == 0 else { throw .last("examine", path) }
    guard info.st_mode & S_IFMT == S_IFREG else { throw .wrongKind(path: path, expected: "a regular file") }
    self.path = path
    self.byteCount = Int(info.st_size)
    guard byteCount > 0 else {
      unsafe self.base = nil
      return
    }
    let mapped = unsafe mmap(nil, byteCount, PROT_READ, MAP_SHARED, file.descriptor, 0)
    guard unsafe mapped != MAP_FAILED, let mapped = unsafe mapped else { throw .last("map", path) }
    unsafe self.base = UnsafeRawPointer(mapped)
  }

  /// Memory that is read as a mapped file is; for tensors that no file holds.
  /// - Parameters:
  ///   - name: stands for the path in messages.
  ///   - fill: writes the bytes, which are zero at first; called once.
  public init(
    memory name: String, byteCount: Int, fill: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(FileProblem) {
    self.path = name
    self.byteCount = byteCount
    guard byteCount > 0 else {
      unsafe self.base = nil
      return
    }
    // Shared, so that pages which a reader gives up (MADV_DONTNEED) keep their bytes, as a file's do.
    let mapped = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard unsafe mapped != MAP_FAILED, let mapped = unsafe mapped else { throw .last("get memory for", name) }
    unsafe fill(UnsafeMutableRawBufferPointer(start: mapped, count: byteCount))
    unsafe mprotect(mapped, byteCount, PROT_READ)
    unsafe self.base = UnsafeRawPointer(mapped)
  }

  deinit {
    if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
  }

  /// The bytes, valid as long as the object is alive.
  public var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let buffer = unsafe UnsafeBufferPointer(
        start: base?.assumingMemoryBound(to: UInt8.self), count: byteCount)
      return unsafe _overrideLifetime(Span(_unsafeElements: buffer), borrowing: self)
    }
  }

  /// The mapping's address for C; valid as long as the object is alive, nil when empty.
  public var unsafeBase: UnsafeRawPointer? { unsafe base }

  /// What the caller is going to do with the pages.
  public enum Advice: Sendable { case sequential, random, willNeed, dontNeed }

  /// Tells the kernel how the pages will be used; never fails.
  public func advise(_ advice: Advice) {
    guard let base = unsafe base else { return }
    let flag =
      switch advice {
      case .sequential: MADV_SEQUENTIAL
      case .random: MADV_RANDOM
      case .willNeed: MADV_WILLNEED
      case .dontNeed: MADV_DONTNEED
      }
    unsafe madvise(UnsafeMutableRawPointer(mutating: base), byteCount, flag)
  }
}
