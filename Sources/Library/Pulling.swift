// SPDX-License-Identifier: Apache-2.0
// Pulling a model: ask for the listing, compare it with what is here, fetch the rest, verified.
// Making the manifest of the result is the library's next step: a pull without one leaves contents
// that the next pull finds again.

public import Basics
public import Hub
public import Store
internal import Synchronization

/// A file of a finished pull.
public struct PulledFile: Sendable, Equatable {
  /// Its place, size and the hub's hash.
  public let source: RepoFile
  /// SHA-256 of the content: its name in the store.
  public let digest: Digest
}

/// Everything of a finished pull, verified and in the store.
public struct PulledSnapshot: Sendable {
  /// Repository and commit.
  public let resolved: HubClient.Resolved
  /// The branch or tag that was asked for.
  public let revision: Revision
  /// In the order of their paths.
  public let files: [PulledFile]
  /// The commit's other files.
  public let leftOut: [RepoFile]
  /// The licence by the hub's card.
  public var license: String?
  /// Bytes that came over the network.
  public let receivedByteCount: Int
  /// Bytes that were taken from others on this machine.
  public let cachedByteCount: Int
}

/// The use case of `impetus pull`, without a terminal.
public struct Pulling: Sendable {
  /// The hub to ask.
  public let client: HubClient
  /// Where the files go.
  public let destination: any PullDestination
  /// The hub's own cache, whose contents need not be fetched; nil leaves it alone.
  public let cache: HubCache?
  /// Other stores, whose contents need not be fetched either.
  public let neighbours: [ModelStore]

  /// What may be pulled.
  public let policies: Policies

  public init(
    client: HubClient, destination: any PullDestination, cache: HubCache? = nil, neighbours: [ModelStore] = [],
    policies: Policies = Policies([])
  ) {
    self.neighbours = neighbours
    self.policies = policies
    self.client = client
    self.destination = destination
    self.cache = cache
  }

  /// Finds out what a pull would do: two questions to the hub and a look at the disk.
  ///
  /// - Throws: `HubProblem`, also `.gated` when the hub says so beforehand and no token is there; `PolicyProblem`.
  public func plan(
    _ repository: RepoID, revision: Revision = .main, selection: Selection = Selection()
  ) async throws -> PullPlan {
    try await Planning(client: client, source: destination, policies: policies, cache: cache, neighbours: neighbours)
      .plan(repository, revision: revision, selection: selection)
  }

  /// Does what the plan says. Interrupted at any point, what is finished is found by the next plan.
  ///
  /// - Throws: `PullProblem` before a byte is fetched, `HubProblem`, or what the destination throws.
  public func run(
    _ plan: PullPlan, options: DownloadOptions = DownloadOptions(),
    events: @escaping @Sendable (DownloadEvent) -> Void = { _ in }
  ) async throws -> PulledSnapshot {
    try plan.check(destination)
    let digests = Mutex(plan.present)
    let received = Mutex(0)
    let taken = try await take(plan, events)
    digests.withLock { $0.merge(taken) { first, _ in first } }
    let missing = plan.missing + plan.cached.map(\.file).filter { taken[$0.identity] == nil }
    if !missing.isEmpty {
      let download = try Download(
        missing, of: plan.resolved.repository, at: plan.resolved.commit, client: client,
        into: destination.partsFolder, options: options
      ) { event in
        if case .progress(let progress) = event { received.withLock { $0 = progress.receivedByteCount } }
        events(event)
      }
      let destination = destination
      try await download.run(
        isPresent: { file in
          // Another pull may have brought it since the plan was made.
          guard let digest = destination.present(file) else { return false }
          digests.withLock { $0[file.identity] = digest }
          return true
        },
        adopt: { file in
          try destination.adopt(file)
          digests.withLock { $0[file.file.identity] = file.digest }
        })
    }
    let files = plan.selection.taken.compactMap { file in
      digests.withLock { $0[file.identity] }.map { PulledFile(source: file, digest: $0) }
    }
    return PulledSnapshot(
      resolved: plan.resolved, revision: plan.revision, files: files, leftOut: plan.selection.leftOut.map(\.file),
      license: plan.license,
      receivedByteCount: received.withLock { $0 },
      cachedByteCount: plan.cached.reduce(0) { $0 + (taken[$1.file.identity] == nil ? 0 : $1.file.byteCount) })
  }

  /// Takes what others have; what turns out to be damaged is fetched like the rest.
  private func take(
    _ plan: PullPlan, _ events: @escaping @Sendable (DownloadEvent) -> Void
  ) async throws -> [ContentIdentity: Digest] {
    let total = plan.cachedByteCount
    return try await CacheBorrowing(destination: destination).take(plan.cached) { done in
      events(
        .progress(
          DownloadProgress(
            landedByteCount: done, byteCount: total, receivedByteCount: 0, finishedFileCount: 0,
            fileCount: plan.cached.count, active: [])))
    }
  }
}
