// SPDX-License-Identifier: Apache-2.0
// Models out of an OCI image layout in a folder, such as an unpacked export: every byte is checked before a model
// gets its name.

internal import Basics

extension Ingest {
  /// Takes all models of a layout.
  /// - Parameters:
  ///   - folder: one that holds oci-layout, index.json and blobs/sha256; below the session's own folder its files are
  ///     renamed away, elsewhere copied.
  ///   - name: the model's name instead of its own; only for a layout of one model.
  ///   - accepts: told each model before any has its name; throws to refuse it.
  ///   - progress: told the bytes taken; throws to stop.
  /// - Throws: `StoreProblem`, `FileProblem`. No model has its name unless all are whole.
  public func takeLayout(
    _ folder: String, as name: Reference?, replaces: Bool, accepts: (StoredModel) throws -> Void = { _ in },
    progress: (Int) throws -> Void = { _ in }
  ) throws -> [StoredModel] {
    let index: JSONValue
    do {
      index = try JSONReader.parse(try Files.read("\(folder)/index.json", limit: ModelStore.manifestLimit))
    } catch let problem as JSONProblem {
      throw StoreProblem.damagedManifest(place: "index.json", why: problem.description)
    }
    let entries = index["manifests"]?.arrayValue ?? []
    guard !entries.isEmpty else { throw StoreProblem.damagedManifest(place: "index.json", why: "it names no model") }
    guard name == nil || entries.count == 1 else {
      throw StoreProblem.ambiguous("the archive", candidates: entries.compactMap { Self.name(of: $0) })
    }
    var wanted: [(reference: Reference, descriptor: Descriptor)] = []
    for entry in entries {
      let text = Self.name(of: entry) ?? "model"
      let query = try ReferenceQuery(text)
      let reference =
        try name
        ?? Reference(
          organization: query.organization, name: query.name, variant: query.variant ?? Reference.mainVariant)
      let descriptor = try Descriptor(entry, text)
      let bytes = try take(descriptor, from: folder, progress)
      let manifest = try Manifest(bytes: bytes ?? [], place: text)
      for blob in manifest.blobs { _ = try take(blob, from: folder, keepsBytes: false, progress) }
      if !replaces, let present = try? store.load(reference), present.digest != descriptor.digest {
        throw StoreProblem.exists(reference.description)
      }
      guard !wanted.contains(where: { $0.reference == reference }) else {
        throw StoreProblem.damagedManifest(place: "index.json", why: "it names \(reference.full) twice")
      }
      try accepts(
        StoredModel(
          reference: reference, digest: descriptor.digest, manifestByteCount: descriptor.byteCount, manifest: manifest,
          created: 0))
      wanted.append((reference, descriptor))
    }
    for one in wanted {
      try store.point(one.reference, at: one.descriptor.digest, byteCount: one.descriptor.byteCount)
    }
    return try wanted.map { try store.load($0.reference) }
  }

  private static func name(of entry: JSONValue) -> String? {
    entry["annotations"]?[Annotation.referenceName]?.stringValue
  }

  /// Takes one content and compares it with what it should be.
  private func take(
    _ descriptor: Descriptor, from layout: String, keepsBytes: Bool = true, _ progress: (Int) throws -> Void
  ) throws -> [UInt8]? {
    let path = "\(layout)/blobs/sha256/\(descriptor.digest.hex)"
    if Files.kind(path) == .file {
      let isOurs = layout.hasPrefix("\(self.folder)/")
      let found = isOurs ? try adopt(path, progress: progress) : try copy(path, progress: progress)
      guard found.digest == descriptor.digest, found.byteCount == descriptor.byteCount else {
        throw StoreProblem.damagedBlob(
          place: "the content \(descriptor.digest.short)", why: "its SHA-256 or size is not what the manifest says")
      }
    }
    guard store.holds(descriptor.digest, byteCount: descriptor.byteCount) else {
      throw StoreProblem.damagedBlob(place: "the content \(descriptor.digest.short)", why: "it is not in the archive")
    }
    guard keepsBytes else { return nil }
    return try Files.read(store.path(of: descriptor.digest), limit: ModelStore.manifestLimit)
  }
}
