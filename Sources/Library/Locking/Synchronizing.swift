// SPDX-License-Identifier: Apache-2.0
// A store brought to what a lock file says: what is missing is fetched at the locked commit or made again by the locked
// recipe, and nothing gets its name unless every file has the locked SHA-256.

internal import Basics
public import Hub
public import Store

/// The use case of `impetus sync`.
public struct Synchronizing: Sendable {
  /// What was done for a model.
  public enum Outcome: String, Sendable {
    /// It was there.
    case present
    /// It came from the hub.
    case fetched
    /// It was made of another model.
    case made
  }

  /// What happens, for the person who waits.
  public enum Event: Sendable {
    /// The hub is asked for a model.
    case fetching(String)
    /// A model is made.
    case making(String)
    /// Bytes, or whatever making counts, are done.
    case progress(done: Int, total: Int)
    /// Something during a download.
    case download(DownloadEvent)
  }

  private let store: ModelStore
  private let neighbours: [ModelStore]
  /// Nil where no network may be used.
  private let client: HubClient?
  private let threads: Int
  private let policies: Policies
  private let materials: Materials
  private let events: @Sendable (Event) -> Void

  /// - Parameters:
  ///   - neighbours: other stores, whose contents need not be fetched.
  ///   - client: the hub; nil uses no network.
  ///   - threads: threads that compute.
  ///   - policies: what may be pulled.
  ///   - materials: files beside the stores that models are made of.
  public init(
    store: ModelStore, neighbours: [ModelStore] = [], client: HubClient?, threads: Int,
    policies: Policies = Policies([]), materials: Materials = Materials(),
    events: @escaping @Sendable (Event) -> Void = { _ in }
  ) {
    self.store = store
    self.neighbours = neighbours
    self.client = client
    self.threads = threads
    self.policies = policies
    self.materials = materials
    self.events = events
  }

  /// Whether the store has a model as it is locked.
  /// - Throws: `LockProblem.drift` when it has another one of the name and must not replace it.
  public func isPresent(_ model: LockedModel, isFrozen: Bool) throws -> Bool {
    guard let present = try? store.load(model.reference) else { return false }
    guard Locking.files(present) == model.files else {
      guard !isFrozen else {
        throw LockProblem.drift(
          name: model.reference.description,
          why: "the store has other content: \(Self.difference(Locking.files(present), model))")
      }
      return false
    }
    return present.manifest.blobs.allSatisfy { store.holds($0.digest, byteCount: $0.byteCount) }
  }

  /// Names of files that differ.
  private static func difference(_ found: [LockedFile], _ model: LockedModel) -> String {
    let here = Dictionary(found.map { ($0.path, $0.digest) }) { first, _ in first }
    let locked = Dictionary(model.files.map { ($0.path, $0.digest) }) { first, _ in first }
    let paths = Set(here.keys).union(locked.keys).filter { here[$0] != locked[$0] }.sorted()
    return
      "\(paths.prefix(3).joined(separator: ", ")) \(paths.count > 3 ? "and \(paths.count - 3) more differ" : "differ")"
  }

  /// Brings the store to the lock, sources before what is made of them.
  /// - Parameter isFrozen: what has a locked name and is something else is an error, and nothing is begun.
  /// - Throws: `LockProblem`, or what pulling and making throw. What came until then stays.
  public func run(_ lock: LockFile, isFrozen: Bool) async throws -> [(LockedModel, Outcome)] {
    var outcomes: [(LockedModel, Outcome)] = []
    var missing: [LockedModel] = []
    for model in lock.models {
      if try isPresent(model, isFrozen: isFrozen) { outcomes.append((model, .present)) } else { missing.append(model) }
    }
    for model in missing.filter({ $0.recipe == nil }) + missing.filter({ $0.recipe != nil }) {
      if model.recipe == nil {
        _ = try await fetch(model.files, of: model, as: model.reference)
        outcomes.append((model, .fetched))
      } else {
        try await make(model)
        outcomes.append((model, .made))
      }
    }
    return outcomes.sorted { $0.0.reference < $1.0.reference }
  }

  // MARK: Fetching

  /// Files of a locked model's source, as a model of the store.
  private func fetch(
    _ wanted: [LockedFile], of model: LockedModel, as reference: Reference
  ) async throws -> StoredModel {
    let name = model.reference.description
    guard let source = model.source, let commit = CommitID(source.commit) else {
      throw LockProblem.noSource(name: name, why: "its files came from no hub")
    }
    guard let client else {
      throw HubProblem.offline(wanted: "\(source.repository) at \(commit.short)", setting: "--offline")
    }
    events(.fetching(name))
    let destination = StoreDestination(try Ingest(store))
    let pulling = Pulling(client: client, destination: destination, neighbours: neighbours, policies: policies)
    let plan = try await pulling.plan(
      try RepoID(source.repository), revision: try Revision(source.commit),
      selection: .only(wanted.map(\.path)))
    let listed = Dictionary(plan.selection.taken.map { ($0.path.description, $0) }) { first, _ in first }
    // What the listing shows to be other content is not fetched at all.
    for file in wanted {
      guard let found = listed[file.path] else {
        throw LockProblem.otherContent(name: name, why: "\(source.repository) has no \(file.path) at \(commit.short)")
      }
      guard file.byteCount ?? found.byteCount == found.byteCount else {
        throw Self.other(name, file.path, "\(found.byteCount) bytes, not \(file.byteCount ?? 0)")
      }
      if case .sha256(let digest) = found.identity, digest != file.digest {
        throw Self.other(name, file.path, "SHA-256 \(digest.short)…, not \(file.digest.short)…")
      }
    }
    let events = events
    let pulled = try await pulling.run(plan) { events(.download($0)) }
    let came = Dictionary(pulled.files.map { ($0.source.path.description, $0.digest) }) { first, _ in first }
    for file in wanted where came[file.path] != file.digest {
      throw Self.other(name, file.path, "SHA-256 \(came[file.path]?.short ?? "")…, not \(file.digest.short)…")
    }
    var snapshot = pulled
    // By a commit the hub's card is not asked for.
    snapshot.license = model.licenses.first ?? pulled.license
    return try destination.publish(snapshot, endpoint: source.endpoint, as: reference).model
  }

  private static func other(_ name: String, _ path: String, _ what: String) -> LockProblem {
    .otherContent(name: name, why: "\(path) has \(what)")
  }

  // MARK: Making

  private func make(_ model: LockedModel) async throws {
    let name = model.reference.description
    let inputs = model.inputs.map { Provenance.Input(path: $0.path, digest: $0.digest) }
    let recipe: RepeatableRecipe
    do throws(LackingMaterial) {
      recipe = try RepeatableRecipe(model.recipe ?? JSONObject(), inputs: inputs, materials)
    } catch {
      throw LockProblem.noSource(name: name, why: error.why)
    }
    let (store, threads, policies, events) = (store, threads, policies, events)
    let accepts: @Sendable ([ModelFile]) throws -> Void = { files in
      let made = files.map { LockedFile(path: $0.path, byteCount: $0.byteCount, digest: $0.digest) }
        .sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
      guard made != model.files else { return }
      throw LockProblem.otherContent(name: name, why: "made again, \(Self.difference(made, model))")
    }
    if case .gguf(let path, let dtype) = recipe {
      events(.making(name))
      _ = try await WorkOnThread.value("sync") { isCancelled in
        try Importing(
          store: store, threads: threads, policies: policies, accepts: accepts,
          events: { event in
            if case .progress(let done) = event { events(.progress(done: done, total: 0)) }
          }, isCancelled: isCancelled
        ).run(Importing.Request(path: path, name: model.reference.full, dtype: dtype, replaces: true))
      }
      return
    }
    let located: LocatedModel
    if model.base == nil, let folder = materials.folder(holding: inputs) {
      located = LocatedModel(folder: folder)
    } else {
      located = try LocatedModel(try await base(of: model), in: store)
    }
    events(.making(name))
    _ = try await WorkOnThread.value("sync") { isCancelled in
      let added = try recipe.adapters()
      return try Derivation(located, store: store).publish(
        as: model.reference, replaces: true, inputs: added, accepts: accepts,
        {
          try recipe.write(
            from: located.folder, to: $0, threads: threads,
            progress: { events(.progress(done: $0.done, total: $0.total)) }, isCancelled: isCancelled)
        }
      ).model
    }
  }

  /// The model that a locked one is made of: in the store, or fetched.
  private func base(of model: LockedModel) async throws -> StoredModel {
    let inputs = model.inputs.filter { !AdapterInputs.isOne($0.path) }
    func isIt(_ candidate: StoredModel) -> Bool {
      let files = Dictionary(candidate.manifest.files.map { ($0.path, $0.digest) }) { first, _ in first }
      return inputs.allSatisfy { files[$0.path] == $0.digest } && files.count == inputs.count
        && candidate.manifest.blobs.allSatisfy { store.holds($0.digest, byteCount: $0.byteCount) }
    }
    let named = model.base.flatMap { try? Importing.reference($0) }
    if let named, let present = try? store.load(named), isIt(present) { return present }
    if let present = try store.models().first(where: isIt) { return present }
    guard let source = model.source, let repository = try? RepoID(source.repository) else {
      throw LockProblem.noSource(
        name: model.reference.description, why: "\(model.base ?? "what it is made of") is not here and came from no hub"
      )
    }
    // The base's name may be somebody else's by now: then its commit is its variant.
    let isFree = named.map { (try? store.load($0)) == nil } ?? false
    let reference =
      try isFree
      ? named
      : Reference(organization: repository.owner, name: repository.name, variant: String(source.commit.prefix(8)))
    guard let reference else { throw StoreProblem.invalidName(source.repository) }
    return try await fetch(inputs, of: model, as: reference)
  }
}
