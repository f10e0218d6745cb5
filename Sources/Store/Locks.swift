// SPDX-License-Identifier: Apache-2.0
// The store's two locks, always taken in this order: contents, then references. flock(2) over NFS is a lock of the
// server, held by the kernel for the process: it goes with the process, and no file has to be believed.

internal import Basics
internal import Glibc

extension ModelStore {
  /// Does something during which contents that are here stay, even those that nothing needs yet.
  func keepingContents<Result>(_ body: () throws -> Result) throws -> Result {
    try writing { try FileLock.holding(layout.contentLock, mode: .shared, body) }
  }

  /// Does something while references do not change but by it.
  func changingReferences<Result>(_ body: () throws -> Result) throws -> Result {
    try writing { try FileLock.holding(layout.referenceLock, mode: .exclusive, body) }
  }

  /// Does something while no other process adds contents.
  /// - Throws: `StoreProblem.busy` when one does.
  func whileNobodyAdds<Result>(_ body: () throws -> Result) throws -> Result {
    try writing {
      let lock = try heldNow(.exclusive)
      let result = try body()
      lock.release()
      return result
    }
  }

  /// The lock on contents, if it is free now.
  /// - Throws: `StoreProblem.busy`.
  func heldNow(_ mode: FileLock.Mode) throws -> FileLock {
    do throws(FileProblem) {
      return try FileLock.trying(layout.contentLock, mode: mode)
    } catch {
      if case .locked = error { throw StoreProblem.busy(path: layout.root) }
      throw error
    }
  }

  /// Says of a store that may only be read that this is so, whichever file it was noticed at.
  func writing<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch FileProblem.system(let operation, let path, let number)
      where [EROFS, EACCES, EPERM].contains(number) && path.hasPrefix(layout.root)
    {
      throw StoreProblem.readOnly(
        path: layout.root, why: FileProblem.system(operation: operation, path: path, number: number).description)
    }
  }
}
