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

  /// A content that is not what its name says.
  public struct Damage: Sendable {
    /// What it should be.
    public let check: Check
    /// What is wrong.
    public let finding: Finding
    /// The bytes that are wrong, where the content's ledger tells; nil when nothing does.
    public let wrongBytes: [Range<Int>]?
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
  /// - Returns: what is wrong, if anything.
  public func run(_ check: Check) -> Damage? {
    let inspection = Inspection(self, [check])
    for piece in 0..<inspection.pieceCount { inspection.run(piece) }
    return inspection.damage().first
  }

  /// References that cannot be read, as findings.
  public func damagedReferences() throws -> [Finding] {
    try survey().damaged.map {
      Finding(.error, code: $0.problem.code, place: $0.place, message: $0.problem.description)
    }
  }
}
