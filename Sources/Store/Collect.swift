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
    /// Packed weights of models that are no longer here, or of all.
    public var packed = 0
    /// Bytes of all of it.
    public var byteCount = 0

    public init() {}
  }

  /// Removes what no reference needs.
  /// - Parameters:
  ///   - trashAge: references that have been in the trash for longer, in seconds, are dropped; nil keeps all.
  ///   - partsAge: unfinished downloads that have not changed for longer, in seconds, are dropped.
  ///   - contentAge: contents that nothing needs and that came longer ago, in seconds, are dropped. An interrupted pull
  ///     has brought some, and goes on with them.
  ///   - dropsPacked: packed weights of models that are here go too; the engine makes them again.
  ///   - isDryRun: only counts.
  /// - Throws: `StoreProblem.busy` while another process adds contents.
  public func collect(
    trashAge: Int?, partsAge: Int = 7 * 86400, contentAge: Int = 0, dropsPacked: Bool = false, isDryRun: Bool = false
  ) throws -> Collected {
    guard exists else { throw StoreProblem.empty(path: layout.root) }
    return try whileNobodyAdds {
      // A reference on its way into the trash would be seen neither here nor there.
      try changingReferences {
        var collected = try collectLocked(
          trashAge: trashAge, partsAge: partsAge, contentAge: contentAge, isDryRun: isDryRun)
        try collectPacked(all: dropsPacked, isDryRun: isDryRun, into: &collected)
        return collected
      }
    }
  }

  /// Removes models for good, and the contents that only they need. The trash is left alone.
  /// - Returns: the bytes that are free now.
  /// - Throws: `StoreProblem.busy` while another process adds contents; the models are then still there.
  public func erase(_ models: [StoredModel]) throws -> Int {
    try whileNobodyAdds {
      try changingReferences {
        for model in models {
          let path = referencePath(model.reference)
          try Files.remove(path)
          if Files.isFolder(Files.parent(of: path)) { try Files.synchronizeFolder(Files.parent(of: path)) }
          removeEmptyFolders(Files.parent(of: path), below: layout.references)
        }
        try renewDerived()
      }
      let needed = try neededBlobs(try trashed())
      var byteCount = 0
      for digest in Set(models.flatMap { [$0.digest] + $0.manifest.blobs.map(\.digest) }) where !needed.contains(digest)
      {
        byteCount += diskBytes(layout.blob(digest))
        try Files.remove(layout.blob(digest))
      }
      return byteCount
    }
  }

  private func collectLocked(trashAge: Int?, partsAge: Int, contentAge: Int, isDryRun: Bool) throws -> Collected {
    let now = Int(time(nil))
    var collected = Collected()
    let trash = try trashed()
    let old = trash.filter { one in trashAge.map { now - one.removed >= $0 } ?? false }
    if let trashAge { try dropTrash(old, all: trash, age: trashAge, now: now, isDryRun: isDryRun, &collected) }
    let needed = try neededBlobs(trash.filter { one in !old.contains { $0.path == one.path } })
    for name in try Files.list(layout.blobs) {
      let path = "\(layout.blobs)/\(name)"
      if let digest = Digest(hex: name), needed.contains(digest) { continue }
      if contentAge > 0, let facts = Files.facts(path), now - facts.changed < contentAge { continue }
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
    if !isDryRun {
      try forgetGitIDs()
      try forgetLedgers()
    }
    return collected
  }

  /// Drops old references of the trash, and what is there and is none, such as a file cut short.
  private func dropTrash(
    _ old: [Trashed], all: [Trashed], age: Int, now: Int, isDryRun: Bool, _ collected: inout Collected
  ) throws {
    for one in old {
      collected.trashed += 1
      if !isDryRun { try Files.remove(one.path) }
    }
    let references = Set(all.map(\.path))
    for path in ((try? Files.list(layout.trash)) ?? []).map({ "\(layout.trash)/\($0)" })
    where !references.contains(path) {
      guard let facts = Files.facts(path), now - facts.changed >= age else { continue }
      collected.unfinished += 1
      if !isDryRun { try Files.removeTree(path) }
    }
  }

  /// Packed weights whose name is not that of a model's manifest, trash included; a running engine keeps what it has
  /// mapped.
  private func collectPacked(all: Bool, isDryRun: Bool, into collected: inout Collected) throws {
    let needed = all ? [] : try neededBlobs(try trashed())
    for name in (try? Files.list(layout.packed)) ?? [] {
      if let digest = Digest(hex: String(name.prefix(64))), needed.contains(digest) { continue }
      let path = "\(layout.packed)/\(name)"
      collected.packed += 1
      collected.byteCount += diskBytes(path)
      if !isDryRun { try Files.removeTree(path) }
    }
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
