// SPDX-License-Identifier: Apache-2.0
// Puts a snapshot into the hub's cache so that its Python client takes it for its own: contents first, each under its
// lock, then the links that name them, then the reference.

public import Basics
internal import Glibc

extension HubCache {
  /// A file of a snapshot and where its verified content is.
  public struct Entry: Sendable {
    /// What it is at the hub.
    public let file: RepoFile
    /// A file that has the content.
    public let source: String

    public init(_ file: RepoFile, source: String) {
      self.file = file
      self.source = source
    }
  }

  /// What was written.
  public struct Written: Sendable, Equatable {
    /// The snapshot's folder.
    public var folder: String
    /// Contents that came into the cache, by the way they came.
    public var contents: [Sharing: Int] = [:]
    /// Contents that the cache had already.
    public var presentCount = 0
    /// Bytes that had to be written.
    public var copiedByteCount = 0
  }

  /// Writes a snapshot.
  /// - Parameters:
  ///   - revision: the branch or tag that is to name the commit; nil, or a commit, names none.
  ///   - listing: every file of the commit, where it is known. It is noted only when the snapshot has all of them: the
  ///     client refuses offline what lacks a noted file, also one that running does not need.
  ///   - isCancelled: asked often.
  /// - Throws: `HubProblem.file`, also for a cache in which a link stands in a folder's place; `.cancelled`.
  public func write(
    _ entries: [Entry], of repository: RepoID, at commit: CommitID, revision: Revision?, listing: RepoListing?,
    withoutLinks: Bool = false, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> Written {
    do {
      let writer = HubCacheWriter(cache: self, repository: repository, commit: commit, isCancelled: isCancelled)
      var written = Written(folder: "\(folder(of: repository))/snapshots/\(commit)")
      try writer.begin()
      for entry in entries { try writer.write(entry, withoutLinks: withoutLinks, &written) }
      if let listing, Set(listing.files.map(\.path)).isSubset(of: entries.map(\.file.path)) {
        try writer.note(listing)
      }
      if let revision, revision.commit == nil { try writer.name(revision) }
      return written
    } catch let problem as FileProblem {
      throw HubProblem(problem)
    }
  }
}

/// One snapshot on its way into the cache.
private struct HubCacheWriter {
  let cache: HubCache
  let repository: RepoID
  let commit: CommitID
  let isCancelled: @Sendable () -> Bool

  private var folder: String { cache.folder(of: repository) }

  /// The cache's own folders and its tag, by which programs for backups know it.
  func begin() throws {
    try Files.makeFolders(cache.root)
    let tag = "\(cache.root)/CACHEDIR.TAG"
    if Files.kind(tag) == nil { try AtomicFile.write(Array(Self.tagText.utf8), to: tag) }
    try Files.makeFolders(folder)
    for name in ["blobs", "refs", "snapshots"] { _ = try makeFolders(name) }
  }

  private static let tagText = """
    Signature: 8a477f597d28d172789f06886806bc55
    # This file is a cache directory tag.
    # See https://bford.info/cachedir/

    """

  /// Makes folders below the repository's, none of which may be a link: nothing is written elsewhere.
  private func makeFolders(_ relative: String, below top: String? = nil) throws -> String {
    var path = top ?? folder
    for part in relative.split(separator: "/") where part != "." {
      path += "/\(part)"
      switch Files.kind(path) {
      case .folder: continue
      case nil: try Files.makeFolders(path)
      default: throw FileProblem.wrongKind(path: path, expected: "a folder")
      }
    }
    return path
  }

  func write(_ entry: HubCache.Entry, withoutLinks: Bool, _ written: inout HubCache.Written) throws {
    let etag = entry.file.identity.etag
    let blob = "\(folder)/blobs/\(etag)"
    try holdingLock(etag) {
      if try hasContent(entry) {
        written.presentCount += 1
      } else {
        let sharing = try place(entry.source, at: blob)
        written.contents[sharing, default: 0] += 1
        if sharing == .copy { written.copiedByteCount += entry.file.byteCount }
      }
      try point(entry, etag, withoutLinks: withoutLinks)
    }
    // What the client once noted as absent it would not look for.
    try Files.remove("\(folder)/.no_exist/\(commit)/\(entry.file.path)")
  }

  /// Whether the cache has the content, its bytes compared.
  private func hasContent(_ entry: HubCache.Entry) throws -> Bool {
    let relative = "\(HubCache.name(of: repository))/blobs/\(entry.file.identity.etag)"
    guard let path = cache.plainFile(relative, byteCount: entry.file.byteCount) else { return false }
    var hash = PrefixHash(entry.file.identity, entry.file.byteCount)
    try OpenFile.readingPlain(path).forEachPiece {
      try goOn()
      hash.update($0)
    }
    return hash.finish().match(entry.file.identity)
  }

  private func goOn() throws { if isCancelled() { throw HubProblem.cancelled } }

  /// Puts a content in its place in one step.
  private func place(_ source: String, at target: String) throws -> Sharing {
    let temporary = "\(target).\(Self.eightDigits()).incomplete"
    let file = try OpenFile.readingPlain(source)
    do {
      let sharing = try Sharing.place(file, at: temporary) { _ in try goOn() }
      if sharing != .hardLink { try OpenFile.reading(temporary).synchronize() }
      try Files.rename(temporary, to: target)
      // A rename onto another link of the same file does nothing.
      try Files.remove(temporary)
      return sharing
    } catch {
      try? Files.remove(temporary)
      throw error
    }
  }

  /// As the client names its unfinished files, which its own cleaning removes.
  private static func eightDigits() -> String {
    let text = String(UInt32.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }

  /// Names the content in the snapshot.
  private func point(_ entry: HubCache.Entry, _ etag: String, withoutLinks: Bool) throws {
    let path = entry.file.path.description
    let parts = path.split(separator: "/")
    let parent = try makeFolders("snapshots/\(commit)/\(parts.dropLast().joined(separator: "/"))")
    let target = "\(parent)/\(entry.file.path.name)"
    if withoutLinks {
      if Files.kind(target) != .file { _ = try place(entry.source, at: target) }
      return
    }
    let link = String(repeating: "../", count: parts.count + 1) + "blobs/\(etag)"
    if Files.kind(target) == .link, try Files.linkTarget(target) == link { return }
    let temporary = "\(target).\(Files.uniqueSuffix()).tmp"
    try Files.link(temporary, to: link)
    try Files.rename(temporary, to: target)
  }

  /// Notes all files of the commit, as the client does: by this it tells a whole snapshot from a part of one.
  func note(_ listing: RepoListing) throws {
    let path = "\(try makeFolders("trees"))/\(commit).json"
    if Files.isFile(path) { return }
    var files = JSONObject()
    for file in listing.files {
      var row: JSONObject = ["size": JSONValue(file.byteCount), "blob_id": .string(Self.gitID(file))]
      if case .sha256(let digest) = file.identity {
        row["lfs_sha256"] = .string(digest.hex)
        row["lfs_size"] = JSONValue(file.byteCount)
      }
      if let hash = file.xetHash { row["xet_hash"] = .string(hash) }
      files[file.path.description] = .object(row)
    }
    try AtomicFile.write(JSONWriter.bytes(.object(["format_version": 1, "files": .object(files)])), to: path)
  }

  /// The git object of a file: for a large one that of its pointer.
  private static func gitID(_ file: RepoFile) -> String {
    switch file.identity {
    case .gitBlob(let id): return id.description
    case .sha256(let digest):
      let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(digest.hex)\nsize \(file.byteCount)\n"
      return SHA1.gitBlob(Array(pointer.utf8))
    }
  }

  /// Points a branch or tag at the commit; untouched when it does so already.
  func name(_ revision: Revision) throws {
    let parts = "refs/\(revision)".split(separator: "/").map(String.init)
    let parent = try makeFolders(parts.dropLast().joined(separator: "/"))
    let path = "\(parent)/\(parts[parts.count - 1])"
    if let present = try? Files.read(path, limit: 256), present == Array(commit.description.utf8) { return }
    try AtomicFile.write(Array(commit.description.utf8), to: path)
  }

  /// Holds the lock that the client holds while it writes a content. Lock files stay, for everybody of the group.
  private func holdingLock(_ etag: String, _ body: () throws -> Void) throws {
    let locks = try makeFolders(".locks/\(HubCache.name(of: repository))", below: cache.root)
    let path = "\(locks)/\(etag).lock"
    let isNew = Files.kind(path) == nil
    let lock = try lock(path)
    if isNew { _ = chmod(path, 0o664) }
    do {
      try body()
    } catch {
      lock.release()
      throw error
    }
    lock.release()
  }

  private func lock(_ path: String) throws -> FileLock {
    while true {
      try goOn()
      do throws(FileProblem) {
        return try FileLock.trying(path, mode: .exclusive)
      } catch {
        guard case .locked = error else { throw error }
        usleep(50_000)
      }
    }
  }
}
