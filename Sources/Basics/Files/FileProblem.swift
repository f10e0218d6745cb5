// SPDX-License-Identifier: Apache-2.0
// What can go wrong with a file, with the system's error number kept.

internal import Glibc

/// A file operation that failed.
public enum FileProblem: Problem, Equatable {
  /// The file or folder does not exist.
  case notFound(path: String)
  /// The system refused an operation.
  case system(operation: String, path: String, number: Int32)
  /// The path names something other than was expected.
  case wrongKind(path: String, expected: String)
  /// The file is larger than the reader accepts.
  case tooLarge(path: String, byteCount: Int, limit: Int)
  /// Another process holds the lock.
  case locked(path: String)

  public var code: String {
    switch self {
    case .notFound: "file.not-found"
    case .system(_, _, let number): Self.isFull(number) ? "file.disk-full" : "file.system"
    case .wrongKind: "file.wrong-kind"
    case .tooLarge: "file.too-large"
    case .locked: "file.locked"
    }
  }

  public var what: String {
    switch self {
    case .notFound(let path): "no such file: \(path)"
    case .system(let operation, let path, _): "cannot \(operation) \(path)"
    case .wrongKind(let path, let expected): "\(path) is not \(expected)"
    case .tooLarge(let path, _, _): "\(path) is too large"
    case .locked(let path): "\(path) is locked by another process"
    }
  }

  public var why: String? {
    switch self {
    case .system(_, _, let number): Self.text(of: number)
    case .tooLarge(_, let count, let limit): "\(count) bytes where at most \(limit) are read"
    default: nil
    }
  }

  public var remedy: String? {
    switch self {
    case .system(_, _, let number) where Self.isFull(number): "free some disk space, then try again"
    case .locked: "wait for the other process to finish, then try again"
    default: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .notFound: .notFound
    case .system(_, _, let number): Self.isFull(number) ? .doesNotFit : .failure
    case .wrongKind: .failure
    case .tooLarge: .mismatch
    case .locked: .locked
    }
  }

  /// The current `errno` as a problem; a missing file has its own case.
  package static func last(_ operation: String, _ path: String) -> FileProblem {
    let number = errno
    return number == ENOENT ? .notFound(path: path) : .system(operation: operation, path: path, number: number)
  }

  private static func isFull(_ number: Int32) -> Bool {
    number == ENOSPC || number == EDQUOT || number == EFBIG
  }

  private static func text(of number: Int32) -> String {
    unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
  }
}
