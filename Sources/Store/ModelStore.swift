// SPDX-License-Identifier: Apache-2.0
// The store: files in a folder, no daemon, no database. Any number of processes may use it at once.

public import Basics

/// A reference with what it names.
public struct StoredModel: Sendable, Equatable {
  /// The full name.
  public let reference: Reference
  /// The manifest's digest: changes with any byte of the model.
  public let digest: Digest
  /// Size of the manifest itself.
  let manifestByteCount: Int
  /// The manifest.
  public let manifest: Manifest
  /// When the reference was made, in seconds since 1970.
  public let created: Int

  /// The source's commit, for models of a hub.
  public var revision: String? { manifest.annotations[Annotation.revision] }
  /// The licence that the manifest names.
  public var license: String? { manifest.annotations[Annotation.licenses] }
  /// Bytes of its files.
  public var byteCount: Int { manifest.byteCount }
}

/// A model store in a folder.
public struct ModelStore: Sendable {
  /// Where everything lies.
  public let layout: Layout

  /// A store at a folder, which need not exist yet.
  public init(root: String) { layout = Layout(root: root) }

  /// Whether there is a store at the folder.
  public var exists: Bool { Files.isFile(layout.marker) }

  /// Makes the store's folders if they are missing.
  /// - Throws: `StoreProblem.notAStore`, `FileProblem`.
  public func create() throws { try layout.create() }

  /// Where a content is kept.
  public func path(of digest: Digest) -> String { layout.blob(digest) }

  /// Whether a content of this size is kept.
  public func holds(_ digest: Digest, byteCount: Int? = nil) -> Bool {
    guard Files.kind(layout.blob(digest)) == .file else { return false }
    guard let byteCount else { return true }
    return (try? Files.byteCount(layout.blob(digest))) == byteCount
  }

  /// The folder with a model's files under their own names.
  public func snapshotFolder(_ reference: Reference) -> String {
    "\(layout.snapshots)/\(reference.folder)/\(reference.variant)"
  }

  /// The description of a model.
  /// - Throws: `StoreProblem`, `FileProblem`.
  public func description(_ model: StoredModel) throws -> ModelDescription {
    let bytes = try read(model.manifest.config, place: model.reference.full, limit: 64 << 20)
    return try ModelDescription(bytes: bytes, place: model.reference.full)
  }

  /// A small blob, checked.
  func read(_ descriptor: Descriptor, place: String, limit: Int) throws -> [UInt8] {
    guard holds(descriptor.digest) else {
      throw StoreProblem.damagedManifest(place: place, why: "the blob \(descriptor.digest.short) is missing")
    }
    let bytes = try Files.read(layout.blob(descriptor.digest), limit: limit)
    guard bytes.count == descriptor.byteCount, Digest.of(bytes) == descriptor.digest else {
      throw StoreProblem.damagedManifest(place: place, why: "the blob \(descriptor.digest.short) has changed")
    }
    return bytes
  }
}
