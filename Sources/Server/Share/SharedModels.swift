// SPDX-License-Identifier: Apache-2.0
// What is shared, by the names under which it is asked for. Paths of requests are only ever looked up here: what is not
// in a manifest of a shared model cannot be asked for.

internal import Basics
internal import Store
internal import Synchronization

/// A shared model and its files.
struct SharedModel: Sendable {
  let stored: StoredModel
  /// Files by their paths.
  let files: [String: ModelFile]
  /// Sizes of all contents that a registry's client may ask for.
  let blobs: [Digest: Int]

  init(_ stored: StoredModel) {
    self.stored = stored
    files = Dictionary(stored.manifest.files.map { ($0.path, $0) }, uniquingKeysWith: { one, _ in one })
    blobs = Dictionary(
      stored.manifest.blobs.map { ($0.digest, $0.byteCount) }, uniquingKeysWith: { one, _ in one })
  }

  /// What stands for a commit: 40 digits of the manifest's digest, which change with any byte of the model.
  var commit: String { String(stored.digest.hex.prefix(40)) }
}

/// A model with all its variants.
struct SharedRepository: Sendable {
  /// `ORG/NAME`, or `NAME`.
  let name: String
  let variants: [SharedModel]

  /// The form that stands for the model where none is asked for: `main`, or the only one there is.
  var standard: SharedModel? {
    variants.first { $0.stored.reference.variant == Reference.mainVariant }
      ?? (variants.count == 1 ? variants.first : nil)
  }

  /// The form that a revision means: a variant, our commit, or the source's own commit.
  func model(revision: String) -> (model: SharedModel, commit: String)? {
    if let found = variants.first(where: { $0.stored.reference.variant == revision }) { return (found, found.commit) }
    if revision == Reference.mainVariant, let standard { return (standard, standard.commit) }
    if let found = variants.first(where: { $0.commit == revision }) { return (found, found.commit) }
    guard Hex.isLowercase(revision, count: 40) else { return nil }
    let sources = variants.filter {
      $0.stored.revision == revision && $0.stored.reference.variant == Reference.mainVariant
    }
    return sources.first.map { ($0, revision) }
  }
}

/// The shared models, read from the store again when a second has passed.
final class SharedModels: Sendable {
  private struct State {
    var read: ContinuousClock.Instant?
    var repositories: [String: SharedRepository] = [:]
  }

  let store: ModelStore
  private let wanted: Set<Reference>?
  private let state = Mutex(State())

  init(_ store: ModelStore, wanted: Set<Reference>?) {
    self.store = store
    self.wanted = wanted
  }

  /// All repositories by their names in lower case. Reads files: call it where that is allowed.
  func repositories() throws -> [String: SharedRepository] {
    if let fresh = state.withLock({ state -> [String: SharedRepository]? in
      guard let read = state.read, .now - read < .seconds(1) else { return nil }
      return state.repositories
    }) {
      return fresh
    }
    let models = try store.models().filter { wanted?.contains($0.reference) ?? true }
    let groups = Dictionary(grouping: models) { $0.reference.model.lowercased() }
    let repositories = groups.mapValues { models in
      SharedRepository(name: models[0].reference.model, variants: models.map { SharedModel($0) })
    }
    state.withLock { $0 = State(read: .now, repositories: repositories) }
    return repositories
  }

  /// The repository of a name in any case; `local/NAME` is a model of one's own.
  func repository(_ name: String) throws -> SharedRepository? {
    let all = try repositories()
    let key = name.lowercased()
    if let found = all[key] { return found }
    return key.hasPrefix("local/") ? all[String(key.dropFirst("local/".count))] : nil
  }
}
