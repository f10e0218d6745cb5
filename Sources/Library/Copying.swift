// SPDX-License-Identifier: Apache-2.0
// A model from one store into another: every byte is compared with its digest on the way, the manifest stays as it is.

internal import Basics
public import Store

/// The use case of `impetus cp --to`.
public struct Copying: Sendable {
  private let source: ModelStore
  private let target: ModelStore

  public init(from source: ModelStore, to target: ModelStore) {
    self.source = source
    self.target = target
  }

  /// Copies. Blocks its thread until done.
  /// - Parameter progress: bytes done and in all.
  /// - Throws: `StoreProblem.damagedBlob` when the source is not whole; the target is then as it was.
  public func run(
    _ model: StoredModel, as reference: Reference, replaces: Bool, progress: (Int, Int) -> Void = { _, _ in },
    isCancelled: () -> Bool = { false }
  ) throws -> StoredModel {
    let manifest = try source.manifestBytes(model)
    let ingest = try Ingest(target)
    var seen: Set<Digest> = []
    let missing = model.manifest.blobs.filter { blob in
      seen.insert(blob.digest).inserted && !target.holds(blob.digest, byteCount: blob.byteCount)
    }
    let total = missing.reduce(0) { $0 + $1.byteCount }
    let (needed, free) = (total + PullPlan.reserveByteCount, try Files.freeBytes(at: ingest.folder))
    guard total == 0 || free >= needed else {
      throw ImportProblem.noRoom(needed: needed, free: free, folder: target.layout.root)
    }
    var done = 0
    for blob in missing {
      let found = try ingest.copy(source.path(of: blob.digest)) { count in
        if isCancelled() { throw CancellationError() }
        done += count
        progress(done, total)
      }
      guard found.digest == blob.digest, found.byteCount == blob.byteCount else {
        throw StoreProblem.damagedBlob(
          place: "\(model.reference.full), content \(blob.digest.short)", why: "its content has changed")
      }
    }
    return try ingest.take(manifest: manifest, as: reference, replaces: replaces)
  }
}
