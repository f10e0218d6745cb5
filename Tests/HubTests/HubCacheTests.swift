// SPDX-License-Identifier: Apache-2.0
// The hub's own cache: where it is, what is found in it, and what may not be.

import Basics
import Glibc
import Hub
import Support
import Testing

@Suite("The hub's cache") struct HubCacheTests {
  struct Place: Sendable, CustomTestStringConvertible {
    let environment: [String: String]
    let root: String?
    var testDescription: String { "\(environment.keys.sorted()) → \(root ?? "none")" }
  }

  @Test(
    "it is where the client's variables say",
    arguments: [
      Place(environment: ["HOME": "/h"], root: "/h/.cache/huggingface/hub"),
      Place(environment: ["HOME": "/h", "XDG_CACHE_HOME": "/x"], root: "/x/huggingface/hub"),
      Place(environment: ["HOME": "/h", "XDG_CACHE_HOME": "/x", "HF_HOME": "~/hf"], root: "/h/hf/hub"),
      Place(environment: ["HOME": "/h", "HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "$HOME/old"], root: "/h/old"),
      Place(environment: ["HOME": "/h", "HF_HUB_CACHE": "/new/", "HUGGINGFACE_HUB_CACHE": "/old"], root: "/new"),
      Place(environment: [:], root: nil),
    ])
  func location(_ place: Place) { #expect(HubCache(environment: place.environment)?.root == place.root) }

  private static let content = Array("the content".utf8)
  private static let digest = Digest.of(content)
  private static let xet = String(repeating: "5e", count: 32)

  private func file(_ path: String = "model.safetensors", byteCount: Int = content.count) throws -> RepoFile {
    RepoFile(path: try RepoPath(path), byteCount: byteCount, identity: .sha256(Self.digest), xetHash: Self.xet)
  }

  /// A folder with the repository org/model, and the cache in it.
  private func cache() throws -> (TemporaryFolder, HubCache) {
    let folder = try TemporaryFolder("impetus-cache")
    try Files.makeFolders("\(folder.path)/hub/models--org--model/blobs")
    return (folder, HubCache(root: "\(folder.path)/hub"))
  }

  private func find(_ cache: HubCache, _ file: RepoFile) throws -> String? {
    cache.index.content(of: file, in: try RepoID("org/model"))
  }

  @Test("a blob, a blob that is a link to the shared one, the shared one itself, and another repository's are found")
  func layouts() throws {
    let shared = "hub/blobs/5e/\(Self.xet)"
    for places in [
      ["hub/models--org--model/blobs/\(Self.digest.hex)"], [shared], ["hub/models--a--b/blobs/\(Self.digest.hex)"],
      ["hub/models--org--model/snapshots/\(String(repeating: "c", count: 40))/model.safetensors"],
    ] {
      let (folder, cache) = try cache()
      for place in places { try folder.write(Self.content, to: place) }
      let found = try find(cache, file())
      #expect(found.map { Files.resolved($0) } == Files.resolved("\(folder.path)/\(places[0])"), "\(places)")
    }
    let (folder, cache) = try cache()
    try folder.write(Self.content, to: shared)
    try Files.link(
      "\(folder.path)/hub/models--org--model/blobs/\(Self.digest.hex)", to: "../../blobs/5e/\(Self.xet)")
    let plain = RepoFile(path: try RepoPath("x"), byteCount: Self.content.count, identity: .sha256(Self.digest))
    #expect(try find(cache, plain) == Files.resolved("\(folder.path)/\(shared)"))
  }

  @Test("links that dangle, lead out of the cache or go in circles, pipes, and other sizes are nothing")
  func odd() throws {
    let blob = "models--org--model/blobs/\(Self.digest.hex)"
    for kind in ["dangling", "outside", "circle", "pipe", "size", "folder", "three links"] {
      let (folder, cache) = try cache()
      let path = "\(cache.root)/\(blob)"
      switch kind {
      case "dangling": try Files.link(path, to: "../../blobs/5e/gone")
      case "outside":
        try folder.write(Self.content, to: "elsewhere/secret")
        try Files.link(path, to: "\(folder.path)/elsewhere/secret")
      case "circle": try Files.link(path, to: Self.digest.hex)
      case "pipe": #expect(mkfifo(path, 0o600) == 0)
      case "size": try folder.write(Self.content + [0], to: "hub/\(blob)")
      case "folder": try Files.makeFolders(path)
      default:
        try folder.write(Self.content, to: "hub/blobs/end")
        try Files.link("\(cache.root)/blobs/b", to: "end")
        try Files.link("\(cache.root)/blobs/a", to: "b")
        try Files.link(path, to: "../../blobs/a")
      }
      #expect(try find(cache, file()) == nil, "\(kind)")
    }
  }

  private static let commit = CommitID(String(repeating: "a", count: 40))!

  /// What a repository of a large, a small and a nested file is written from.
  private func entries(_ folder: TemporaryFolder) throws -> [HubCache.Entry] {
    let large = LoopbackFile.noise(2 << 20, seed: 7)
    let weights = RepoFile(
      path: try RepoPath("model.safetensors"), byteCount: large.count, identity: .sha256(.of(large)), xetHash: nil)
    var entries = [HubCache.Entry(weights, source: try folder.write(large, to: "store/large"))]
    for (path, text) in [("config.json", "{}"), ("1_Pooling/config.json", "{\"a\":1}")] {
      let id = try #require(GitObjectID(SHA1.gitBlob(Array(text.utf8))))
      let file = RepoFile(path: try RepoPath(path), byteCount: text.utf8.count, identity: .gitBlob(id))
      entries.append(.init(file, source: try folder.write(text, to: "store/\(id)")))
    }
    _ = chmod("\(folder.path)/store/large", 0o444)
    return entries
  }

  @Test("a written snapshot has the client's names, links, reference and list, and a second writing changes nothing")
  func writing() throws {
    let (folder, cache) = try cache()
    let entries = try entries(folder)
    let repository = try RepoID("org/model")
    let listing = try RepoListing(repository: repository, commit: Self.commit, files: entries.map(\.file))
    let top = "\(cache.root)/models--org--model"
    try folder.write("", to: "hub/models--org--model/.no_exist/\(Self.commit)/config.json")
    let revision = try Revision("refs/pr/1")
    let written = try cache.write(entries, of: repository, at: Self.commit, revision: revision, listing: listing)
    let snapshot = "\(top)/snapshots/\(Self.commit)"
    #expect(written.folder == snapshot && written.contents.values.reduce(0, +) == 3)
    for entry in entries {
      #expect(try Files.read("\(snapshot)/\(entry.file.path)") == Files.read(entry.source))
      let up = entry.file.path.isTopLevel ? "../../" : "../../../"
      #expect(try Files.linkTarget("\(snapshot)/\(entry.file.path)") == "\(up)blobs/\(entry.file.identity.etag)")
      #expect(Files.isFile("\(cache.root)/.locks/models--org--model/\(entry.file.identity.etag).lock"))
    }
    #expect(try Files.read("\(top)/refs/refs/pr/1") == Array(Self.commit.description.utf8))
    #expect(try JSONReader.parse(Files.read("\(top)/trees/\(Self.commit).json"))["files"]?.objectValue?.count == 3)
    #expect(Files.kind("\(top)/.no_exist/\(Self.commit)/config.json") == nil)
    #expect(String(decoding: try Files.read("\(cache.root)/CACHEDIR.TAG"), as: UTF8.self).hasPrefix("Signature: 8a47"))
    // The large one shares its disk space with the store's.
    #expect(written.copiedByteCount < 1 << 20)
    #expect(try Files.list("\(top)/blobs").count == 3)
    let again = try cache.write(entries, of: repository, at: Self.commit, revision: .main, listing: nil)
    #expect(again.presentCount == 3 && again.contents.isEmpty)
    #expect(try Files.read("\(top)/refs/main") == Array(Self.commit.description.utf8))
  }

  @Test("a damaged blob is replaced, a part of a commit is not noted as whole, and no link leads writing elsewhere")
  func careful() throws {
    let (folder, cache) = try cache()
    let entries = try entries(folder)
    let repository = try RepoID("org/model")
    let top = "\(cache.root)/models--org--model"
    let blob = "\(top)/blobs/\(entries[0].file.identity.etag)"
    try AtomicFile.write([UInt8](repeating: 0, count: entries[0].file.byteCount), to: blob)
    let listing = try RepoListing(repository: repository, commit: Self.commit, files: entries.map(\.file))
    _ = try cache.write(
      Array(entries.dropLast()), of: repository, at: Self.commit, revision: nil, listing: listing, withoutLinks: true)
    #expect(try Files.read(blob) == Files.read(entries[0].source))
    #expect(Files.kind("\(top)/snapshots/\(Self.commit)/config.json") == .file)
    #expect(Files.kind("\(top)/trees") == nil)
    try Files.makeFolders("\(folder.path)/elsewhere")
    try Files.link("\(top)/snapshots/\(Self.commit)/1_Pooling", to: "\(folder.path)/elsewhere")
    #expect(throws: HubProblem.self) {
      try cache.write(entries, of: repository, at: Self.commit, revision: nil, listing: nil)
    }
    #expect(try Files.list("\(folder.path)/elsewhere").isEmpty)
  }
}
