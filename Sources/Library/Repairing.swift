// SPDX-License-Identifier: Apache-2.0
// Puts damaged models right: what came from a hub is fetched again, file by file, at the same commit; what was quantized
// here is made again from its base, bit for bit. Nothing whole is touched.

internal import Basics
public import Hub
internal import Quantization
public import Store

/// The use case of `impetus repair`.
public struct Repairing: Sendable {
  /// How a damaged model can be put right.
  public enum Way: Sendable, Equatable {
    /// From its repository at its commit.
    case fetch(RepoID, Revision)
    /// From the model it was made of.
    case quantize(base: String, bits: Int, groupSize: Int)
    /// The same where the base is not here: from its repository at its commit, quantized while it comes.
    case stream(RepoID, Revision, base: Reference, bits: Int, groupSize: Int)
    /// Only by whoever has the files: importing them again.
    case none
  }

  private let store: ModelStore

  public init(store: ModelStore) { self.store = store }

  /// What is damaged of a model: contents that are missing or have changed.
  public func damage(of model: StoredModel, threads: Int) throws -> [ModelStore.Damage] {
    try Verifying(store: store).damage(of: store.checks([model]), threads: threads)
  }

  /// How to put a model right, by what its config blob says.
  public func way(for model: StoredModel) -> Way {
    guard let description = try? store.description(model) else { return .none }
    if let provenance = description.provenance {
      let settings = provenance.recipe["quantization"]
      guard let base = provenance.base, let bits = settings?["bits"]?.intValue,
        let group = settings?["group_size"]?.intValue
      else { return .none }
      if (try? store.resolve(base)) == nil, let (repository, revision) = place(of: model, description),
        let reference = try? Importing.reference(base)
      {
        return .stream(repository, revision, base: reference, bits: bits, groupSize: group)
      }
      return .quantize(base: base, bits: bits, groupSize: group)
    }
    return place(of: model, description).map { .fetch($0, $1) } ?? .none
  }

  /// The repository and commit that a model comes from; nil for one that was imported.
  private func place(of model: StoredModel, _ description: ModelDescription) -> (RepoID, Revision)? {
    guard let source = description.origin.source, source.contains("://"),
      let revision = model.revision.flatMap({ try? Revision($0) }),
      let repository = try? RepoID(source.split(separator: "/").suffix(2).joined(separator: "/"))
    else { return nil }
    return (repository, revision)
  }

  /// Takes damaged contents out of the store, so that they are missing rather than wrong.
  public func remove(_ damaged: [ModelStore.Damage]) throws {
    let ingest = try Ingest(store)
    for damage in damaged { try remove(damage, ingest) }
  }

  private func remove(_ damage: ModelStore.Damage, _ ingest: Ingest) throws {
    let path = store.path(of: damage.check.descriptor.digest)
    // The session's folder goes at its end, and with it the wrong bytes.
    if Files.kind(path) != nil { try Files.rename(path, to: "\(ingest.folder)/\(Files.uniqueSuffix())") }
  }

  /// Fetches what is damaged of a model from its repository: the wrong stretches where the ledger tells them, else whole
  /// files. Nothing is taken away before the hub has said that it still has the commit.
  public func fetch(
    _ model: StoredModel, _ damaged: [ModelStore.Damage], _ repository: RepoID, _ revision: Revision,
    client: HubClient, events: @escaping @Sendable (DownloadEvent) -> Void
  ) async throws {
    let ingest = try Ingest(store)
    let pulling = Pulling(client: client, destination: StoreDestination(ingest))
    let resolved = try await client.resolve(repository, revision)
    let listing = try await client.listing(resolved.repository, resolved.commit)
    for damage in damaged {
      let descriptor = damage.check.descriptor
      let path = store.path(of: descriptor.digest)
      if let wrong = damage.wrongBytes, Files.kind(path) == .file,
        let file = listing.files.first(where: { $0.identity == .sha256(descriptor.digest) })
      {
        try PartialContent.begin(file, from: path, without: wrong, in: store.layout.parts)
      }
      try remove(damage, ingest)
    }
    let wanted = Set(model.manifest.files.map(\.path))
    let plan = try await pulling.plan(
      repository, revision: revision, selection: Selection(include: wanted.map { Self.literal($0) }))
    _ = try await pulling.run(plan, events: events)
  }

  /// A pattern that only this path matches.
  private static func literal(_ path: String) -> String {
    path.reduce(into: "") { text, character in text += "*?[".contains(character) ? "[\(character)]" : "\(character)" }
  }

  /// Makes a quantized model again from its source's repository, whose weights pass by without staying.
  /// - Throws: `StoreProblem.damagedBlob` when it is not the same.
  public func stream(
    _ model: StoredModel, _ repository: RepoID, _ revision: Revision, base: Reference, recipe: Quantizing.Recipe,
    threads: Int, client: HubClient, events: @escaping @Sendable (DownloadEvent) -> Void
  ) async throws {
    let ingest = try Ingest(store)
    let description = try store.description(model)
    let inputs = description.provenance?.inputs.map { Self.literal($0.path) } ?? []
    let pulling = Pulling(client: client, destination: StoreDestination(ingest))
    let plan = try await pulling.plan(repository, revision: revision, selection: Selection(include: inputs))
    let request = StreamedQuantizing.Request(
      recipe, name: model.reference.full, base: base, origin: description.origin, threads: threads)
    let work = StreamedQuantizing(
      pulling: pulling, ingest: ingest, request: request, options: DownloadOptions(), events: events)
    guard try await work.run(plan).model.digest == model.digest else {
      throw StoreProblem.damagedBlob(
        place: model.reference.full, why: "made again from \(repository) it is another one")
    }
  }

  /// Makes a quantized model again and checks that it is the same.
  /// - Throws: `StoreProblem.damagedBlob` when it is not.
  public func quantize(_ model: StoredModel, base: String, bits: Int, groupSize: Int, threads: Int) throws {
    let stored = try store.resolve(base)
    let source = try LocatedModel(stored, in: store)
    let work = try StoredQuantizing(
      source, recipe: Quantizing.Recipe(try Affine(bits: bits, groupSize: groupSize)), store: store)
    let made = try work.run(as: model.reference, replaces: false, threads: threads)
    guard made.model.digest == model.digest else {
      throw StoreProblem.damagedBlob(
        place: model.reference.full, why: "made again from \(base) it is another one: the base has changed")
    }
  }
}
