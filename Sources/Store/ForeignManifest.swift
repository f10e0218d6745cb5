// SPDX-License-Identifier: Apache-2.0
// Manifests that go to other stores and come from them, byte for byte: the digest is the same everywhere.

internal import Basics

extension ModelStore {
  /// The bytes of a model's manifest, checked.
  public func manifestBytes(_ model: StoredModel) throws -> [UInt8] {
    try read(
      Descriptor(mediaType: MediaType.manifest, digest: model.digest, byteCount: model.manifestByteCount),
      place: model.reference.full, limit: Self.manifestLimit)
  }
}

extension Ingest {
  /// Gives a manifest from elsewhere a name. All its blobs must be kept.
  /// - Throws: `StoreProblem.damagedBlob` when one is missing, `.damagedManifest` when the manifest or its config cannot
  ///   be used, `.exists` when the name has other content and must not be replaced.
  public func take(manifest bytes: [UInt8], as reference: Reference, replaces: Bool) throws -> StoredModel {
    let manifest = try Manifest(bytes: bytes, place: reference.full)
    for blob in manifest.blobs where !store.holds(blob.digest, byteCount: blob.byteCount) {
      throw StoreProblem.damagedBlob(place: "the content \(blob.digest.short)", why: "it is not in the store")
    }
    let config = try store.read(manifest.config, place: reference.full, limit: 64 << 20)
    _ = try ModelDescription(bytes: config, place: reference.full)
    if !replaces, let present = try? store.load(reference), present.digest != Digest.of(bytes) {
      throw StoreProblem.exists(reference.description)
    }
    let descriptor = try add(bytes)
    try store.point(reference, at: descriptor.digest, byteCount: descriptor.byteCount)
    return try store.load(reference)
  }
}
