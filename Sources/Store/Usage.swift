// SPDX-License-Identifier: Apache-2.0
// Who needs how much room: what models share, what is each one's own, what would become free.

internal import Basics

extension ModelStore {
  /// The store's room, model by model.
  public struct Usage: Sendable {
    /// The room of one model.
    public struct Entry: Sendable {
      /// The model.
      public let model: StoredModel
      /// Whether it lies in the trash.
      public let isTrashed: Bool
      /// Bytes of everything that it needs, its manifest too.
      public var byteCount = 0
      /// Bytes that other models need as well, those in the trash too.
      public var sharedByteCount = 0
      /// Bytes that only it needs.
      public var uniqueByteCount: Int { byteCount - sharedByteCount }
      /// Bytes that removing it would free: of its own ones those that nothing outside the store is linked to.
      public var reclaimableByteCount = 0
    }

    /// Models, then those in the trash.
    public var entries: [Entry] = []
    /// Bytes of all contents.
    public var byteCount = 0
    /// Bytes of contents that only models in the trash need.
    public var trashByteCount = 0
    /// Bytes of contents that nothing needs.
    public var unneededByteCount = 0
    /// Bytes of unfinished downloads and of interrupted work.
    public var unfinishedByteCount = 0
    /// References that cannot be read; what they need is counted as not needed.
    public var damagedCount = 0

    /// Bytes that `collect` would free, were everything old enough.
    public var reclaimableByteCount: Int { trashByteCount + unneededByteCount + unfinishedByteCount }
  }

  /// Adds up the room that everything takes.
  public func usage() throws -> Usage {
    var usage = Usage()
    guard exists else { return usage }
    let (models, damaged) = try survey()
    let removed = try trashed().compactMap { try? load(bytes: $0.bytes, reference: $0.reference) }
    usage.damagedCount = damaged.count
    var needs: [Digest: (live: Int, all: Int)] = [:]
    func blobs(_ model: StoredModel) -> Set<Digest> { Set([model.digest] + model.manifest.blobs.map(\.digest)) }
    for (model, isLive) in models.map({ ($0, 1) }) + removed.map({ ($0, 0) }) {
      for digest in blobs(model) {
        let sum = needs[digest, default: (0, 0)]
        needs[digest] = (sum.live + isLive, sum.all + 1)
      }
    }
    var facts: [Digest: Files.Facts] = [:]
    for name in try Files.list(layout.blobs) {
      guard let found = Files.facts("\(layout.blobs)/\(name)") else { continue }
      let digest = Digest(hex: name)
      if let digest { facts[digest] = found }
      let need = digest.flatMap { needs[$0] }
      usage.byteCount += found.byteCount
      if need == nil { usage.unneededByteCount += found.byteCount }
      if let need, need.live == 0 { usage.trashByteCount += found.byteCount }
    }
    for (model, isTrashed) in models.map({ ($0, false) }) + removed.map({ ($0, true) }) {
      var entry = Usage.Entry(model: model, isTrashed: isTrashed)
      for digest in blobs(model) {
        guard let found = facts[digest] else { continue }
        entry.byteCount += found.byteCount
        if needs[digest]?.all ?? 1 > 1 {
          entry.sharedByteCount += found.byteCount
        } else if found.linkCount == 1 {
          entry.reclaimableByteCount += found.byteCount
        }
      }
      usage.entries.append(entry)
    }
    for folder in [layout.ingest, layout.parts] { usage.unfinishedByteCount += Self.byteCount(below: folder) }
    return usage
  }

  private static func byteCount(below path: String) -> Int {
    guard Files.kind(path) == .folder else {
      return Files.kind(path) == .file ? Files.facts(path)?.byteCount ?? 0 : 0
    }
    return ((try? Files.list(path)) ?? []).reduce(0) { $0 + byteCount(below: "\(path)/\($1)") }
  }
}
