// SPDX-License-Identifier: Apache-2.0
// A model of the store as a snapshot of the hub's own cache, for the Python programs of this machine.

public import Basics
public import Hub
public import Store

/// Writes models into the hub's cache.
public struct CacheWriting: Sendable {
  private let store: ModelStore
  private let cache: HubCache
  private let withoutLinks: Bool

  /// - Parameter withoutLinks: snapshots hold the files themselves (`HF_HUB_DISABLE_SYMLINKS`).
  public init(store: ModelStore, cache: HubCache, withoutLinks: Bool = false) {
    self.store = store
    self.cache = cache
    self.withoutLinks = withoutLinks
  }

  /// Writes what was just pulled. Blobs of the store must not be collected meanwhile: a session keeps them.
  public func write(_ pulled: PulledSnapshot) async throws -> HubCache.Written {
    let entries = pulled.files.map { HubCache.Entry($0.source, source: store.path(of: $0.digest)) }
    let (repository, commit) = (pulled.resolved.repository, pulled.resolved.commit)
    let listing = try RepoListing(
      repository: repository, commit: commit, files: pulled.files.map(\.source) + pulled.leftOut)
    return try await write(entries, repository, commit, pulled.revision, listing)
  }

  /// Writes a model that is here already, without asking the hub.
  /// - Throws: `CacheProblem.notFromHub` when it was made here or came from elsewhere.
  public func write(_ model: StoredModel, _ revision: Revision) async throws -> HubCache.Written {
    let description = try store.description(model)
    let name = description.origin.source?.split(separator: "/").suffix(2).joined(separator: "/")
    guard description.provenance == nil, let repository = name.flatMap({ try? RepoID($0) }),
      let commit = model.revision.flatMap({ CommitID($0) })
    else { throw CacheProblem.notFromHub(model: model.reference.description) }
    let entries = try model.manifest.files.map { file in
      HubCache.Entry(
        RepoFile(path: try RepoPath(file.path), byteCount: file.byteCount, identity: try identity(of: file)),
        source: store.path(of: file.digest))
    }
    return try await write(entries, repository, commit, revision, nil)
  }

  /// The hash by which the hub knows a file: git's for what came under it.
  private func identity(of file: ModelFile) throws -> ContentIdentity {
    guard file.byteCount <= Self.gitByteLimit else { return .sha256(file.digest) }
    let id = SHA1.gitBlob(try Files.read(store.path(of: file.digest), limit: Self.gitByteLimit))
    guard store.digest(gitID: id) == file.digest, let object = GitObjectID(id) else { return .sha256(file.digest) }
    return .gitBlob(object)
  }

  /// The hub keeps what is larger outside of git.
  private static let gitByteLimit = 64 << 20

  private func write(
    _ entries: [HubCache.Entry], _ repository: RepoID, _ commit: CommitID, _ revision: Revision, _ listing: RepoListing?
  ) async throws -> HubCache.Written {
    let (cache, withoutLinks) = (cache, withoutLinks)
    return try await WorkOnThread.value("cache") { isCancelled in
      try cache.write(
        entries, of: repository, at: commit, revision: revision, listing: listing, withoutLinks: withoutLinks,
        isCancelled: isCancelled)
    }
  }
}

/// Why a model is not written into the hub's cache.
public enum CacheProblem: Problem, Equatable {
  /// It has no repository and commit at a hub, so the cache has no place for it.
  case notFromHub(model: String)
  /// Neither the environment nor a home folder says where the cache is.
  case noCache

  public var code: String {
    switch self {
    case .notFromHub: "cache.not-from-hub"
    case .noCache: "cache.no-folder"
    }
  }

  public var what: String {
    switch self {
    case .notFromHub(let model): "\(model) cannot be written into the hub's cache"
    case .noCache: "the hub's cache has no folder"
    }
  }

  public var why: String? {
    switch self {
    case .notFromHub: "it was made here, or came from elsewhere than a hub"
    case .noCache: "neither HF_HUB_CACHE nor HF_HOME nor HOME is set"
    }
  }

  public var remedy: String? {
    switch self {
    case .notFromHub: nil
    case .noCache: "set HF_HUB_CACHE"
    }
  }

  public var status: ExitStatus {
    switch self {
    case .notFromHub: .unsupported
    case .noCache: .usage
    }
  }
}
