// SPDX-License-Identifier: Apache-2.0
// Further names for models: a name is a small file, the contents are kept once.

internal import Basics

extension ModelStore {
  /// Gives a model a further name.
  /// - Throws: `StoreProblem.exists` when the name has other content and must not be replaced, `.notFound` when the
  ///   model was removed meanwhile.
  public func name(_ model: StoredModel, as reference: Reference, replaces: Bool) throws -> StoredModel {
    // Contents must not be collected between the look at them and the new name.
    try keepingContents {
      for blob in [manifestDescriptor(model)] + model.manifest.blobs
      where !holds(blob.digest, byteCount: blob.byteCount) {
        throw StoreProblem.damagedBlob(
          place: model.reference.full, why: "the content \(blob.digest.short) is missing or has another size")
      }
      if !replaces, let present = try? load(reference), present.digest != model.digest {
        throw StoreProblem.exists(reference.description)
      }
      try point(reference, at: model.digest, byteCount: model.manifestByteCount)
      return try load(reference)
    }
  }

  /// Points to a model's manifest.
  func manifestDescriptor(_ model: StoredModel) -> Descriptor {
    Descriptor(mediaType: MediaType.manifest, digest: model.digest, byteCount: model.manifestByteCount)
  }
}
