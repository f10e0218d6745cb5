// SPDX-License-Identifier: Apache-2.0
// Checks that the store's files are what the references say, byte by byte.

public import Basics

extension ModelStore {
  /// A content to be hashed, and who needs it.
  public struct Check: Sendable {
    /// What it should be.
    public let descriptor: Descriptor
    /// The model and file that need it first, for messages.
    public let place: String
    /// Names of all models that need it.
    public let models: [Reference]
  }

  /// Everything that the models need, each content once, the largest first.
  public func checks(_ models: [StoredModel]) -> [Check] {
    var places: [Digest: (descriptor: Descriptor, place: String, models: [Reference])] = [:]
    for model in models {
      let name = model.reference.full
      let named =
        [
          (
            Descriptor(mediaType: MediaType.manifest, digest: model.digest, byteCount: model.manifestByteCount),
            "manifest"
          ),
          (model.manifest.config, "config"),
        ]
        + model.manifest.files.map {
          (Descriptor(mediaType: MediaType.layer($0.path), digest: $0.digest, byteCount: $0.byteCount), $0.path)
        }
      for (descriptor, path) in named {
        places[descriptor.digest, default: (descriptor, "\(name) \(path)", [])].models.append(model.reference)
      }
    }
    return places.values.map { Check(descriptor: $0.descriptor, place: $0.place, models: $0.models) }
      .sorted { ($1.descriptor.byteCount, $0.place) < ($0.descriptor.byteCount, $1.place) }
  }

  /// Compares one content with its name.
  /// - Parameter progress: told the bytes read.
  /// - Returns: what is wrong, if anything.
  public func run(_ check: Check, progress: (Int) -> Void = { _ in }) -> Finding? {
    func finding(_ code: String, _ message: String) -> Finding {
      Finding(.error, code: code, place: check.place, message: message)
    }
    let path = layout.blob(check.descriptor.digest)
    guard Files.kind(path) == .file else { return finding("blob.missing", "the content is missing") }
    do {
      let file = try OpenFile.reading(path)
      let byteCount = try file.byteCount()
      guard byteCount == check.descriptor.byteCount else {
        return finding("blob.size", "\(byteCount) bytes where \(check.descriptor.byteCount) belong")
      }
      var hasher = SHA256()
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      var offset = 0
      while true {
        let count = try file.read(into: &buffer, at: offset)
        if count == 0 { break }
        hasher.update(buffer.span.extracting(first: count))
        offset += count
        progress(count)
      }
      let digest = hasher.finish()
      guard digest == check.descriptor.digest else {
        return finding(
          "blob.corrupt", "the content has changed: SHA-256 \(digest.short)…, not \(check.descriptor.digest.short)…")
      }
      return nil
    } catch {
      return finding("blob.unreadable", error.description)
    }
  }

  /// References that cannot be read, as findings.
  public func damagedReferences() throws -> [Finding] {
    try survey().damaged.map {
      Finding(.error, code: $0.problem.code, place: $0.place, message: $0.problem.description)
    }
  }
}
