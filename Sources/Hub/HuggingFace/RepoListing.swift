// SPDX-License-Identifier: Apache-2.0
// What a commit holds: every path with its size and hash, known before the first byte is fetched.
// Rows are those of GET /api/models/{repo}/tree/{commit}?recursive=true.

public import Basics

/// The hash by which the hub knows a file's content.
public enum ContentIdentity: Sendable, Hashable, CustomStringConvertible {
  /// A large file: SHA-256 of the content.
  case sha256(Digest)
  /// A small file in git: SHA-1 of `blob LENGTH NUL content`.
  case gitBlob(GitObjectID)

  public var description: String {
    switch self {
    case .sha256(let digest): digest.description
    case .gitBlob(let id): "git:\(id)"
    }
  }

  /// A file name that no other content has.
  public var fileName: String {
    switch self {
    case .sha256(let digest): "sha256-\(digest.hex)"
    case .gitBlob(let id): "git-\(id)"
    }
  }
}

/// A file of a repository at a commit.
public struct RepoFile: Sendable, Hashable {
  /// Where it lies in the repository.
  public let path: RepoPath
  /// Size in bytes.
  public let byteCount: Int
  /// The hash that decides whether the content is right.
  public let identity: ContentIdentity
  /// The hub's chunked storage knows the file by this hash (64 hex digits), where it does.
  public let xetHash: String?

  public init(path: RepoPath, byteCount: Int, identity: ContentIdentity, xetHash: String? = nil) {
    self.path = path
    self.byteCount = byteCount
    self.identity = identity
    self.xetHash = xetHash
  }
}

/// All files of a repository at a commit, in the order of their paths.
public struct RepoListing: Sendable, Equatable {
  public let repository: RepoID
  public let commit: CommitID
  public let files: [RepoFile]

  /// Checks the files against each other: no path twice, none that is another one's folder.
  public init(repository: RepoID, commit: CommitID, files: [RepoFile]) throws(HubProblem) {
    self.repository = repository
    self.commit = commit
    self.files = files.sorted { $0.path.description.utf8.lexicographicallyPrecedes($1.path.description.utf8) }
    var paths: Set<String> = []
    for file in files {
      guard paths.insert(file.path.description).inserted else {
        throw .invalidListing(repository: repository.description, why: "\(file.path) is listed twice")
      }
    }
    for file in files {
      var folder = Files.parent(of: file.path.description)
      while folder != "." {
        guard !paths.contains(folder) else {
          throw .invalidListing(repository: repository.description, why: "\(folder) is both a file and a folder")
        }
        folder = Files.parent(of: folder)
      }
    }
  }

  /// The file at a path.
  public func file(_ path: String) -> RepoFile? { files.first { $0.path.description == path } }
}

extension RepoListing {
  /// Files of one page of the tree; folders are passed over.
  static func files(ofPage page: JSONValue, repository: RepoID) throws(HubProblem) -> [RepoFile] {
    func refuse(_ why: String) -> HubProblem { .invalidListing(repository: repository.description, why: why) }
    guard let rows = page.arrayValue else { throw refuse("expected a list, found \(page.kindName)") }
    var files: [RepoFile] = []
    for row in rows {
      guard let text = row["path"]?.stringValue, let type = row["type"]?.stringValue else {
        throw refuse("a row has no path or no type")
      }
      guard type == "file" else { continue }
      let path: RepoPath
      do { path = try RepoPath(text) } catch { throw refuse(error.description) }
      files.append(try file(row, path, refuse))
    }
    return files
  }

  private static func file(
    _ row: JSONValue, _ path: RepoPath, _ refuse: (String) -> HubProblem
  ) throws(HubProblem) -> RepoFile {
    let large = row["lfs"].flatMap { $0.isNull ? nil : $0 }
    guard let size = (large?["size"] ?? row["size"])?.intValue, (0...(1 << 50)).contains(size) else {
      throw refuse("\(path) has no acceptable size")
    }
    let identity: ContentIdentity
    if let large {
      guard let digest = (large["oid"] ?? large["sha256"])?.stringValue.flatMap({ Digest(hex: $0) }) else {
        throw refuse("\(path) has no acceptable SHA-256")
      }
      identity = .sha256(digest)
    } else {
      guard let id = row["oid"]?.stringValue.flatMap({ GitObjectID($0) }) else {
        throw refuse("\(path) has no acceptable object id")
      }
      identity = .gitBlob(id)
    }
    let xet = row["xetHash"]?.stringValue.flatMap { Hex.isLowercase($0, count: 64) ? $0 : nil }
    return RepoFile(path: path, byteCount: size, identity: identity, xetHash: xet)
  }
}
