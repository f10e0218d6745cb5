// SPDX-License-Identifier: Apache-2.0
// Models of the store held against what their repositories have now, and brought to it once somebody has agreed.

internal import Basics
public import Hub
public import Store

/// A model and what its repository has now.
public struct UpdateCheck: Sendable {
  /// How they stand to each other.
  public enum State: String, Sendable {
    /// The same files.
    case current
    /// The repository has other ones.
    case outdated
    /// It was pulled at a commit, and stays there.
    case pinned
    /// It came from no hub.
    case local
    /// The hub does not show the repository or the branch.
    case gone
  }

  /// The model.
  public let model: StoredModel
  /// How it stands.
  public let state: State
  /// Its own commit.
  public let commit: CommitID?
  /// The repository's commit.
  public let newest: CommitID?
  /// Files that differ.
  public let changedPaths: [String]
  /// Set for a model that was made of what is outdated.
  public let isDerived: Bool
}

/// The use cases of `impetus outdated` and `update`.
public struct Updating: Sendable {
  private let store: ModelStore
  private let client: HubClient
  private let policies: Policies
  private let neighbours: [ModelStore]

  /// - Parameters:
  ///   - neighbours: other stores, whose contents need not be fetched.
  ///   - policies: what may be pulled.
  public init(
    store: ModelStore, neighbours: [ModelStore] = [], client: HubClient, policies: Policies = Policies([])
  ) {
    self.neighbours = neighbours
    self.policies = policies
    self.store = store
    self.client = client
  }

  /// A model and the pull that would bring it up to date.
  public struct Candidate: Sendable {
    /// The model.
    public let model: StoredModel
    /// What would be fetched.
    public let plan: PullPlan
    /// What would change; weights only file by file.
    public let comparison: Comparison
    let pulling: Pulling
    let destination: StoreDestination
  }

  // MARK: Looking

  /// Asks about models, one after the other.
  /// - Throws: what the hub answers, other than that a repository or branch is not there.
  public func check(_ models: [StoredModel]) async throws -> [UpdateCheck] {
    var known: [String: (HubClient.Resolved, RepoListing)?] = [:]
    var checks: [UpdateCheck] = []
    for model in models {
      let description = try store.description(model)
      func check(
        _ state: UpdateCheck.State, _ origin: HubOrigin?, newest: CommitID? = nil, changed: [String] = []
      ) -> UpdateCheck {
        UpdateCheck(
          model: model, state: state, commit: origin?.commit, newest: newest, changedPaths: changed,
          isDerived: description.provenance != nil)
      }
      guard let origin = HubOrigin(description) else {
        checks.append(check(.local, nil))
        continue
      }
      let isDerived = description.provenance != nil
      guard isDerived || !Self.isPinned(model, origin) else {
        checks.append(check(.pinned, origin))
        continue
      }
      let revision = isDerived ? Reference.mainVariant : model.reference.variant
      let key = "\(origin.repository)@\(revision)"
      if known[key] == nil { known[key] = .some(try await newest(origin.repository, revision)) }
      guard let found = known[key], let (resolved, listing) = found else {
        checks.append(check(.gone, origin))
        continue
      }
      let files: [(path: String, digest: Digest)] =
        isDerived
        ? description.provenance?.inputs.map { ($0.path, $0.digest) } ?? []
        : model.manifest.files.map { ($0.path, $0.digest) }
      let changed = changedPaths(files, listing)
      checks.append(
        check(changed.isEmpty ? .current : .outdated, origin, newest: resolved.commit, changed: changed))
    }
    return checks
  }

  /// Whether the variant says that a commit was asked for.
  static func isPinned(_ model: StoredModel, _ origin: HubOrigin) -> Bool {
    model.reference.variant == origin.commit.short
  }

  private func newest(_ repository: RepoID, _ branch: String) async throws -> (HubClient.Resolved, RepoListing)? {
    do {
      let (resolved, _) = try await resolve(repository, branch)
      return (resolved, try await client.listing(resolved.repository, resolved.commit))
    } catch let problem as HubProblem where [.notFound, .auth].contains(problem.status) {
      return nil
    }
  }

  /// The branch, and where there is none of the variant's name, `main`: variants may have been named freely.
  private func resolve(_ repository: RepoID, _ branch: String) async throws -> (HubClient.Resolved, Revision) {
    let revision = try Revision(branch)
    do throws(HubProblem) { return (try await client.resolve(repository, revision), revision) } catch {
      guard case .revisionNotFound = error, branch != Reference.mainVariant else { throw error }
      return (try await client.resolve(repository, .main), .main)
    }
  }

  /// Files of a model that a listing has otherwise or not at all.
  private func changedPaths(_ files: [(path: String, digest: Digest)], _ listing: RepoListing) -> [String] {
    let listed = Dictionary(listing.files.map { ($0.path.description, $0) }) { first, _ in first }
    return files.filter { file in
      guard let found = listed[file.path] else { return true }
      return RemoteFiles.mark(of: found, beside: file.digest, store) != file.digest.description
    }.map(\.path).sorted()
  }

  // MARK: Updating

  /// What bringing a model up to date would do; nil when it is, or when it cannot be.
  public func candidate(_ check: UpdateCheck) async throws -> Candidate? {
    guard check.state == .outdated, !check.isDerived,
      let origin = HubOrigin(try store.description(check.model))
    else { return nil }
    let destination = StoreDestination(try Ingest(store))
    let pulling = Pulling(client: client, destination: destination, neighbours: neighbours, policies: policies)
    let (resolved, revision) = try await resolve(origin.repository, check.model.reference.variant)
    let plan = try await pulling.plan(resolved.repository, revision: revision)
    let left = try ComparedModel(try LocatedModel(check.model, in: store))
    let right = try await RemoteFiles(plan, store: store, client: client).compared(beside: check.model)
    let comparison = try await NamedThread.run("compare") { try Comparing(left, right).run(threads: 1) }
    return Candidate(
      model: check.model, plan: plan, comparison: comparison, pulling: pulling, destination: destination)
  }

  /// Brings a model up to date; the version until now lies in the trash.
  public func run(
    _ candidate: Candidate, options: DownloadOptions = DownloadOptions(),
    events: @escaping @Sendable (DownloadEvent) -> Void = { _ in }
  ) async throws -> StoredModel {
    let pulled = try await candidate.pulling.run(candidate.plan, options: options, events: events)
    return try candidate.destination.publish(
      pulled, endpoint: "\(client.settings.endpoint)", as: candidate.model.reference
    ).model
  }
}
