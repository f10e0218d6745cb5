// SPDX-License-Identifier: Apache-2.0
// A model from a registry into the store: its manifest, what is missing of its blobs, then its name. The manifest stays
// as it is, so that the model has the same digest here and there.

public import Basics
public import Hub
public import Registry
public import Store
internal import Synchronization

/// What a pull from a registry will do.
public struct RegistryPullPlan: Sendable {
  /// The repository with the version that was found.
  public let address: RegistryAddress
  /// The manifest's digest.
  public let digest: Digest
  /// The name that the model gets.
  public let reference: Reference
  /// The manifest.
  public let manifest: Manifest
  let bytes: [UInt8]
  /// Contents that other stores have on this machine.
  public let cached: [CachedContent]
  /// Contents to fetch, each once.
  public let missing: [RepoFile]
  /// Bytes to fetch, those that an interrupted pull has left taken off.
  public let fetchByteCount: Int
}

/// The use case of `impetus pull oci://…`, without a terminal.
public struct RegistryPulling: Sendable {
  /// The registry to ask.
  public let client: RegistryClient
  private let ingest: Ingest
  private let destination: StoreDestination

  private let policies: Policies
  private let neighbours: [ModelStore]

  /// - Parameters:
  ///   - policies: what may be pulled.
  ///   - neighbours: other stores, whose contents need not be fetched.
  public init(
    client: RegistryClient, ingest: Ingest, policies: Policies = Policies([]), neighbours: [ModelStore] = []
  ) {
    self.policies = policies
    self.neighbours = neighbours
    self.client = client
    self.ingest = ingest
    destination = StoreDestination(ingest)
  }

  /// Finds out what is to be fetched.
  /// - Parameter name: the model's name in the store; nil makes it of the address.
  /// - Throws: `RegistryProblem`, `StoreProblem`, `FileProblem`.
  public func plan(as name: Reference?) async throws -> RegistryPullPlan {
    let server = "\(RegistryAddress.scheme)\(client.address.host)"
    try policies.check(
      PolicySubject(
        name: client.address.description, organization: organization, licenses: nil, paths: [], server: server))
    let (version, fetched) = try await find()
    let address = client.address.at(version)
    let manifest: Manifest
    do {
      manifest = try Manifest(bytes: fetched.bytes, place: address.description)
    } catch {
      throw RegistryProblem.unusableManifest(address: address.description, why: error.why ?? error.what)
    }
    try policies.check(
      PolicySubject(
        name: address.description, organization: organization, licenses: manifest.licenses,
        paths: manifest.files.map(\.path), server: server))
    let reference = try name ?? Self.reference(address, fetched.digest, title: manifest.title)
    var cached: [CachedContent] = []
    var missing: [RepoFile] = []
    var seen: Set<Digest> = []
    let folder = destination.partsFolder
    let named =
      [("config", manifest.config.digest, manifest.config.byteCount)]
      + manifest.files.map { ($0.path, $0.digest, $0.byteCount) }
    for (path, digest, byteCount) in named where seen.insert(digest).inserted {
      guard !ingest.store.holds(digest, byteCount: byteCount) else { continue }
      let file = RepoFile(path: try RepoPath(path), byteCount: byteCount, identity: .sha256(digest))
      if let content = neighbours.content(of: file, for: folder) {
        cached.append(content)
      } else {
        missing.append(file)
      }
    }
    let resumable = missing.reduce(0) { $0 + PartialContent.notedByteCount(of: $1, in: folder) }
    return RegistryPullPlan(
      address: address, digest: fetched.digest, reference: reference, manifest: manifest, bytes: fetched.bytes,
      cached: cached, missing: missing, fetchByteCount: max(0, missing.reduce(0) { $0 + $1.byteCount } - resumable))
  }

  /// The part of the repository's name before the last.
  private var organization: String? {
    client.address.repository.split(separator: "/").dropLast().last.map(String.init)
  }

  /// The version that the address names; without one `main`, as a push without a tag makes it, else `latest`.
  private func find() async throws(RegistryProblem) -> (RegistryAddress.Version, FetchedManifest) {
    if let version = client.address.version { return (version, try await client.manifest(version)) }
    do throws(RegistryProblem) {
      return (.tag(Reference.mainVariant), try await client.manifest(.tag(Reference.mainVariant)))
    } catch {
      guard case .notFound = error else { throw error }
      return (.tag("latest"), try await client.manifest(.tag("latest")))
    }
  }

  /// The name by the address: its last two parts, and the tag as variant. Registries know lower case only, so the
  /// spelling is the title's where that is the same name.
  static func reference(_ address: RegistryAddress, _ digest: Digest, title: String?) throws -> Reference {
    let parts = address.repository.split(separator: "/").map(String.init)
    let variant: String
    switch address.version {
    case .tag("latest"), nil: variant = Reference.mainVariant
    case .tag(let tag): variant = tag
    case .digest: variant = digest.short
    }
    let plain = try Reference(
      organization: parts.count > 1 ? parts[parts.count - 2] : nil, name: parts[parts.count - 1], variant: variant)
    guard let title, let query = try? ReferenceQuery(title), query.pin == nil,
      let titled = try? Reference(organization: query.organization, name: query.name, variant: variant),
      titled.model.lowercased() == plain.model
        || titled.organization == nil && titled.name.lowercased() == plain.name
          && plain.organization == "local"
    else { return plain }
    return titled
  }

  /// Does what the plan says. Interrupted at any point, what is finished is found by the next plan.
  public func run(
    _ plan: RegistryPullPlan, options: DownloadOptions, replaces: Bool,
    events: @escaping @Sendable (DownloadEvent) -> Void
  ) async throws -> StoredModel {
    let folder = destination.partsFolder
    let (needed, free) = (plan.fetchByteCount + PullPlan.reserveByteCount, try Files.freeBytes(at: folder))
    guard plan.missing.isEmpty || free >= needed else {
      throw PullProblem.noRoom(repository: plan.address.description, needed: needed, free: free, folder: folder)
    }
    let taken = try await CacheBorrowing(destination: destination).take(plan.cached) { _ in }
    let missing = plan.missing + plan.cached.map(\.file).filter { taken[$0.identity] == nil }
    if !missing.isEmpty {
      let download = try client.download(missing, into: folder, options: options, events: events)
      let destination = destination
      try await download.run(
        isPresent: { destination.present($0) != nil },
        adopt: { try destination.adopt($0) })
    }
    return try ingest.take(manifest: plan.bytes, as: plan.reference, replaces: replaces)
  }
}
