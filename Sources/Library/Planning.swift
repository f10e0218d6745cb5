// SPDX-License-Identifier: Apache-2.0
// What a pull would do: two questions to the hub and a look at the disk, nothing written.

internal import Basics
public import Hub
public import Store

/// The first half of a pull.
public struct Planning: Sendable {
  /// The hub to ask.
  public let client: HubClient
  /// What is here already.
  public let source: any PullSource
  /// What may be pulled.
  let policies: Policies
  /// The hub's own cache, which may have contents already; nil leaves it out.
  let cache: HubCache?
  /// Other stores that may have contents already.
  let neighbours: [ModelStore]

  public init(
    client: HubClient, source: any PullSource, policies: Policies = Policies([]), cache: HubCache? = nil,
    neighbours: [ModelStore] = []
  ) {
    self.neighbours = neighbours
    self.cache = cache
    self.client = client
    self.source = source
    self.policies = policies
  }

  /// Compares a repository with what is here.
  /// - Throws: `HubProblem`, also `.gated` when the hub says so beforehand and no token is there; `PolicyProblem`.
  public func plan(
    _ repository: RepoID, revision: Revision = .main, selection: Selection = Selection()
  ) async throws -> PullPlan {
    for endpoint in [client.settings.endpoint] + client.settings.mirrors {
      try policies.check(subject(repository, server: endpoint))
    }
    let resolved = try await client.resolve(repository, revision, describes: policies.judgesLicenses)
    try checkAccess(resolved)
    let listing = try await client.listing(resolved.repository, resolved.commit)
    let outcome = selection.apply(to: listing)
    var present: [ContentIdentity: Digest] = [:]
    var cached: [CachedContent] = []
    var missing: [RepoFile] = []
    var seen: Set<ContentIdentity> = []
    let folder = source.partsFolder
    let index = cache?.index
    for file in outcome.taken where seen.insert(file.identity).inserted {
      if let digest = source.present(file) {
        present[file.identity] = digest
      } else if let content = neighbours.content(of: file, for: folder) {
        cached.append(content)
      } else if let path = index?.content(of: file, in: resolved.repository) {
        cached.append(
          CachedContent(file: file, path: path, keeper: .hubCache, needsCopy: !Sharing.isLikely(path, in: folder)))
      } else {
        missing.append(file)
      }
    }
    let free: (bytes: Int, files: Int?)
    do { free = (try Files.freeBytes(at: folder), try Files.freeFiles(at: folder)) } catch {
      throw HubProblem.file(error)
    }
    let plan = PullPlan(
      resolved: resolved, revision: revision, selection: outcome, present: present, cached: cached, missing: missing,
      resumableByteCount: missing.reduce(0) { $0 + PartialContent.notedByteCount(of: $1, in: folder) },
      freeByteCount: free.bytes, freeFileCount: free.files)
    try policies.check(
      subject(
        resolved.repository, licenses: plan.license.map { [$0] } ?? [],
        paths: outcome.taken.map(\.path.description)))
    return plan
  }

  /// What a policy is asked: without licences, before anything is known but the name.
  private func subject(
    _ repository: RepoID, licenses: [String]? = nil, paths: [String] = [], server: WebAddress? = nil
  ) -> PolicySubject {
    PolicySubject(
      name: repository.description, organization: repository.owner, licenses: licenses, paths: paths,
      server: "\(server ?? client.settings.endpoint)")
  }

  /// Listings of gated repositories are open: without this the refusal would come with the bytes.
  private func checkAccess(_ resolved: HubClient.Resolved) throws(HubProblem) {
    guard PullPlan.isGated(resolved), client.settings.token == nil else { return }
    let page = client.settings.endpoint.below("/\(resolved.repository)")
    throw .gated(repository: resolved.repository.description, page: page, hasToken: false)
  }
}
