// SPDX-License-Identifier: Apache-2.0
// Removes what no reference needs: contents, unfinished files, old trash. Never while contents are being added.

internal import Basics
internal import Glibc

extension ModelStore {
  /// What a collection removed, or would remove.
  public struct Collected: Sendable, Equatable {
    /// Contents that nothing needs.
    public var blobs = 0
    /// References in the trash that were dropped for good.
    public var trashed = 0
    /// Unfinished files.
    public var unfinished = 0
    /// Bytes of all of it.
    public var byteCount = 0

    public init() {}
  }

  /// Removes what no reference needs.
  /// - Parameters:
  ///   - trashAge: references that have been in the trash for longer, in seconds, are dropped; nil keeps all.
  ///   - partsAge: unfinished downloads that have not changed for longer, in seconds, are dropped.
  ///   - isDryRun: only counts.
  /// - Throws: `StoreProblem.busy` while another process adds contents.
  public func collect(trashAge: Int?, partsAge: Int = 7 * 86400, isDryRun: Bool = false) throws -> Collected {
    guard exists else { throw StoreProblem.empty(path: layout.root) }
    let lock: FileLock
    do throws(FileProblem) {
      lock = try FileLock.trying(layout.contentLock, mode: .exclusive)
    } catch {
      if case .locked = error { throw StoreProblem.busy(path: layout.root) }
      throw error
    }
    let collected = try collectLocked(trashAge: trashAge, partsAge: partsAge, isDryRun: isDryRun)
    lock.release()
    return collected
  }

  private func collectLocked(trashAge: Int?, partsAge: Int, isDryRun: Bool) throws -> Collected {
    let now = Int(time(nil))
    var collected = Collected()
    var trash = try trashed()
    if let trashAge {
      for one in trash where now - one.removed >= trashAge {
        collected.trashed += 1
        if !isDryRun { try Files.remove(one.path) }
      }
      trash.removeAll { now - $0.removed >= trashAge }
    }
    let needed = try neededBlobs(trash)
    for name in try Files.list(layout.blobs) {
      let path = "\(layout.blobs)/\(name)"
      if let digest = Digest(hex: name), needed.contains(digest) { continue }
      collected.blobs += 1
      collected.byteCount += diskBytes(path)
      if !isDryRun { try Files.removeTree(path) }
    }
    for (folder, age) in [(layout.ingest, 0), (layout.parts, partsAge)] {
      for name in (try? Files.list(folder)) ?? [] {
        let path = "\(folder)/\(name)"
        if age > 0, let changed = try? Files.modificationTime(path), now - Int(changed) < age { continue }
        collected.unfinished += 1
        collected.byteCount += diskBytes(path)
        if !isDryRun { try Files.removeTree(path) }
      }
    }
    if !isDryRun { try forgetGitIDs() }
    return collected
  }

  /// Contents that references need, those in the trash too.
  ///
  /// A reference that cannot be read stops the collection: what it needs is not known.
  private func neededBlobs(_ trash: [Trashed]) throws -> Set<Digest> {
    let (models, damaged) = try survey()
    if let first = damaged.first { throw first.problem }
    let removed = trash.compactMap { try? load(bytes: $0.bytes, reference: $0.reference) }
    var needed: Set<Digest> = []
    for model in models + removed {
      needed.insert(model.digest)
      for blob in model.manifest.blobs { needed.insert(blob.digest) }
    }
    return needed
  }

  private func forgetGitIDs() throws {
    for name in (try? Files.list(layout.gitIDs)) ?? [] where digest(gitID: name) == nil {
      try Files.remove("\(layout.gitIDs)/\(name)")
    }
  }

  private func diskBytes(_ path: String) -> Int {
    guard Files.kind(path) == .folder else {
      return Files.kind(path) == .file ? ((try? Files.byteCount(path)) ?? 0) : 0
    }
    return ((try? Files.list(path)) ?? []).reduce(0) { $0 + diskBytes("\(path)/\($1)") }
  }
}
