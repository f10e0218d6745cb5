// SPDX-License-Identifier: Apache-2.0
// From models of the store to their lock: what somebody else needs to have the same.

internal import Basics
public import Hub
public import Store

/// The repository that a model of the store came from.
public struct HubOrigin: Sendable, Equatable {
  /// The hub's address.
  public let endpoint: String
  /// The repository there.
  public let repository: RepoID
  /// The commit.
  public let commit: CommitID

  /// What the config blob says; nil when the model is from no hub.
  public init?(_ description: ModelDescription) {
    guard let source = description.origin.source, source.contains("://"),
      let commit = description.origin.revision.flatMap({ CommitID($0) })
    else { return nil }
    let parts = source.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count > 4, let repository = try? RepoID(parts.suffix(2).joined(separator: "/")) else { return nil }
    self.endpoint = parts.dropLast(2).joined(separator: "/")
    self.repository = repository
    self.commit = commit
  }
}

/// The use case of `impetus lock`.
public struct Locking: Sendable {
  private let store: ModelStore

  public init(store: ModelStore) { self.store = store }

  /// The lock of some models.
  /// - Throws: `StoreProblem` when a model's config cannot be read.
  public func lock(_ models: [StoredModel]) throws -> LockFile {
    var seen: Set<Reference> = []
    return LockFile(models: try models.filter { seen.insert($0.reference).inserted }.map { try lock($0) })
  }

  func lock(_ model: StoredModel) throws -> LockedModel {
    let description = try store.description(model)
    let origin = HubOrigin(description)
    var locked = LockedModel(
      reference: model.reference,
      source: origin.map {
        LockedSource(
          endpoint: $0.endpoint, repository: $0.repository.description, commit: $0.commit.description)
      },
      licenses: description.origin.licenses, files: Self.files(model))
    if let provenance = description.provenance {
      locked.base = provenance.base
      locked.inputs = provenance.inputs.map { LockedFile(path: $0.path, byteCount: nil, digest: $0.digest) }
        .sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
      var recipe = provenance.recipe
      // Who made it does not change what is made.
      recipe["tool"] = nil
      locked.recipe = recipe
    }
    return locked
  }

  static func files(_ model: StoredModel) -> [LockedFile] {
    model.manifest.files.map { LockedFile(path: $0.path, byteCount: $0.byteCount, digest: $0.digest) }
  }
}
