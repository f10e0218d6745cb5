// SPDX-License-Identifier: Apache-2.0
// The folder in which the hub's own Python client keeps what it fetched, and where contents lie in it:
//
//   models--ORG--NAME/blobs/ETAG               SHA-256 of a large file, git's SHA-1 of a small one; since 2.x it may be
//                                              a link to ../../blobs/XX/HASH, a content all repositories share
//   models--ORG--NAME/snapshots/COMMIT/PATH    a relative link to ../../blobs/ETAG; the file itself without symlinks
//   models--ORG--NAME/refs/REVISION            the commit's 40 digits, no line end
//   models--ORG--NAME/trees/COMMIT.json        every file of the commit
//   models--ORG--NAME/.no_exist/COMMIT/PATH    was asked for and is not there
//   .locks/models--ORG--NAME/ETAG.lock         flock while a blob is written
//
// The client trusts names and sizes. Nothing here does: whoever takes a content hashes it first.

internal import Basics

/// The hub's cache of this user or machine.
public struct HubCache: Sendable, Equatable {
  /// The folder that holds the repositories' folders.
  public let root: String

  public init(root: String) { self.root = root }

  /// `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, else `hub` below `HF_HOME`, `XDG_CACHE_HOME/huggingface` or
  /// `~/.cache/huggingface`; nil when none of them is set.
  public init?(environment: [String: String]) {
    let hub = HubEnvironment(environment)
    let named = hub["HF_HUB_CACHE"] ?? hub["HUGGINGFACE_HUB_CACHE"]
    guard let path = named.map({ hub.expanded($0) }) ?? hub.home.map({ "\($0)/hub" }) else { return nil }
    root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// Whether the client's own setting forbids symbolic links in the cache.
  public static func forbidsLinks(environment: [String: String]) -> Bool {
    HubEnvironment(environment).isOn("HF_HUB_DISABLE_SYMLINKS")
  }

  /// The folder of a repository.
  public func folder(of repository: RepoID) -> String {
    "\(root)/\(Self.name(of: repository))"
  }

  static func name(of repository: RepoID) -> String {
    "models--" + (repository.owner.map { "\($0)--" } ?? "") + repository.name
  }

  /// The repository of a folder's name; nil for other kinds and names that are none.
  static func repository(_ folderName: String) -> RepoID? {
    guard folderName.hasPrefix("models--") else { return nil }
    // A name cannot hold "--" itself, so the separator is unique.
    return try? RepoID(String(folderName.dropFirst("models--".count)).replacing("--", with: "/"))
  }

  /// Names of all model folders.
  var modelFolders: [String] {
    ((try? Files.list(root)) ?? []).filter { $0.hasPrefix("models--") && Files.isFolder("\(root)/\($0)") }
  }

  /// All repositories that have a folder.
  public var repositories: [RepoID] { modelFolders.compactMap { Self.repository($0) } }

  /// Where contents may lie, looked up once for many files.
  public struct Index: Sendable {
    fileprivate let cache: HubCache
    fileprivate let folders: [String]
  }

  /// Looks at the cache's folders; quick, and empty when there is no cache.
  public var index: Index { Index(cache: self, folders: modelFolders) }
}

extension HubCache.Index {
  /// The file in which the cache has a content of this size and name; nil when it has none. Its bytes are not checked.
  ///
  /// Looked for in the repository's own folder, in the store that all repositories share, in those of other
  /// repositories, and among the snapshots of a cache without links.
  public func content(of file: RepoFile, in repository: RepoID) -> String? {
    let own = HubCache.name(of: repository)
    let others = folders.filter { $0 != own }
    guard folders.contains(own) || !others.isEmpty else { return nil }
    let etag = file.identity.etag
    var places = ["\(own)/blobs/\(etag)"]
    if let hash = file.xetHash { places.append("blobs/\(hash.prefix(2))/\(hash)") }
    places += others.map { "\($0)/blobs/\(etag)" }
    for place in places {
      if let found = cache.plainFile(place, byteCount: file.byteCount) { return found }
    }
    let snapshots = "\(own)/snapshots"
    for commit in (try? Files.list("\(cache.root)/\(snapshots)")) ?? [] where CommitID(commit) != nil {
      let path = "\(snapshots)/\(commit)/\(file.path)"
      if Files.kind("\(cache.root)/\(path)") == .file, let found = cache.plainFile(path, byteCount: file.byteCount) {
        return found
      }
    }
    return nil
  }
}

extension HubCache {
  /// The regular file that a path below the root means, over at most two links; nil when it dangles, has another size,
  /// or lies neither in the cache nor in the repository's folder, which people move to other disks.
  func plainFile(_ relative: String, byteCount: Int? = nil) -> String? {
    var path = "\(root)/\(relative)"
    for _ in 0...2 {
      switch Files.kind(path) {
      case .file:
        let size = try? Files.byteCount(path)
        guard byteCount == nil || size == byteCount, let real = Files.resolved(path) else { return nil }
        let homes = [root, "\(root)/\(relative.prefix { $0 != "/" })"].compactMap { Files.resolved($0) }
        return homes.contains { real.hasPrefix("\($0)/") } ? real : nil
      case .link:
        guard let target = try? Files.linkTarget(path) else { return nil }
        path = target.hasPrefix("/") ? target : "\(Files.parent(of: path))/\(target)"
      default: return nil
      }
    }
    return nil
  }
}

extension ContentIdentity {
  /// The hash alone: the hub's entity tag, and the content's name in the hub's cache.
  public var etag: String {
    switch self {
    case .sha256(let digest): digest.hex
    case .gitBlob(let id): id.description
    }
  }
}
