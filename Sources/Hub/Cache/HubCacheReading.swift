// SPDX-License-Identifier: Apache-2.0
// The snapshots of the hub's cache, file by file, with what their names promise.

internal import Basics

extension HubCache {
  /// A snapshot, as far as it is there.
  public struct Snapshot: Sendable {
    /// A file of it.
    public struct File: Sendable {
      public let path: RepoPath
      /// The regular file with its content.
      public let source: String
      public let byteCount: Int
      /// The hash by which the cache calls it; nil where neither a link nor a list tells.
      public let expected: ContentIdentity?
    }

    /// Whose snapshot it is, and of which commit.
    public let repository: RepoID
    public let commit: CommitID
    /// The branch or tag that names the commit, `main` before others; nil when none does.
    public let revision: Revision?
    public let folder: String
    public let files: [File]
    /// Paths whose content is not there: dangling links, and what the list of the commit has beside.
    public let missing: [String]
  }

  /// Every snapshot of every model. What is odd is passed over.
  public func snapshots() -> [Snapshot] {
    modelFolders.flatMap { name -> [Snapshot] in
      guard let repository = Self.repository(name) else { return [] }
      let names = references(name)
      return ((try? Files.list("\(root)/\(name)/snapshots")) ?? []).compactMap { text in
        CommitID(text).map { snapshot(repository, name, $0, names) }
      }
    }
  }

  /// Which commit each branch and tag is; two levels of folders, for `refs/pr/1`.
  private func references(_ name: String) -> [(Revision, CommitID)] {
    var found: [(Revision, CommitID)] = []
    func look(_ below: String, _ depth: Int) {
      for entry in (try? Files.list("\(root)/\(name)/refs\(below)")) ?? [] {
        let path = "\(root)/\(name)/refs\(below)/\(entry)"
        if Files.kind(path) == .folder, depth < 3 { look("\(below)/\(entry)", depth + 1) }
        guard Files.kind(path) == .file, let bytes = try? Files.read(path, limit: 256),
          let commit = CommitID(String(decoding: bytes, as: UTF8.self).trimmingBlanks),
          let revision = try? Revision(String("\(below)/\(entry)".dropFirst()))
        else { continue }
        found.append((revision, commit))
      }
    }
    look("", 0)
    return found.sorted { ($0.0 == .main ? 0 : 1, $0.0.description) < ($1.0 == .main ? 0 : 1, $1.0.description) }
  }

  private func snapshot(
    _ repository: RepoID, _ name: String, _ commit: CommitID, _ names: [(Revision, CommitID)]
  ) -> Snapshot {
    let listed = list(name, commit)
    var files: [Snapshot.File] = []
    var missing: [String] = []
    for path in paths("\(name)/snapshots/\(commit)", 0) {
      let relative = "\(name)/snapshots/\(commit)/\(path)"
      guard let source = plainFile(relative), let byteCount = try? Files.byteCount(source),
        listed[path.description] == nil || listed[path.description]?.byteCount == byteCount
      else {
        missing.append(path.description)
        continue
      }
      let target = (try? Files.linkTarget("\(root)/\(relative)")).map { Files.name(of: $0) } ?? ""
      let named = Digest(hex: target).map { ContentIdentity.sha256($0) } ?? GitObjectID(target).map { .gitBlob($0) }
      files.append(
        Snapshot.File(
          path: path, source: source, byteCount: byteCount, expected: named ?? listed[path.description]?.identity))
    }
    let present = Set(files.map(\.path.description) + missing)
    missing += listed.keys.filter { !present.contains($0) }.sorted()
    return Snapshot(
      repository: repository, commit: commit, revision: names.first { $0.1 == commit }?.0,
      folder: "\(root)/\(name)/snapshots/\(commit)", files: files, missing: missing)
  }

  /// Paths of files and links in a snapshot; links to folders are not entered.
  private func paths(_ relative: String, _ depth: Int) -> [RepoPath] {
    var found: [RepoPath] = []
    func look(_ below: String, _ depth: Int) {
      for entry in (try? Files.list("\(root)/\(relative)\(below)")) ?? [] {
        switch Files.kind("\(root)/\(relative)\(below)/\(entry)") {
        case .folder: if depth < 16 { look("\(below)/\(entry)", depth + 1) }
        case .file, .link:
          if let path = try? RepoPath(String("\(below)/\(entry)".dropFirst())) { found.append(path) }
        default: break
        }
      }
    }
    look("", 0)
    return found
  }

  /// The files that the client noted for a commit, by path; empty when it noted none.
  private func list(_ name: String, _ commit: CommitID) -> [String: RepoFile] {
    guard let bytes = try? Files.read("\(root)/\(name)/trees/\(commit).json", limit: 64 << 20),
      let json = try? JSONReader.parse(bytes, limits: .lastKeyWins), json["format_version"]?.intValue == 1
    else { return [:] }
    var files: [String: RepoFile] = [:]
    for (text, row) in json["files"]?.objectValue ?? JSONObject() {
      let large = row["lfs_sha256"]?.stringValue.flatMap { Digest(hex: $0) }.map { ContentIdentity.sha256($0) }
      let small = row["blob_id"]?.stringValue.flatMap { GitObjectID($0) }.map { ContentIdentity.gitBlob($0) }
      guard let path = try? RepoPath(text), let identity = large ?? small,
        let size = (row["lfs_size"] ?? row["size"])?.intValue
      else { continue }
      files[text] = RepoFile(path: path, byteCount: size, identity: identity)
    }
    return files
  }
}
