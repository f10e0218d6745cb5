// SPDX-License-Identifier: Apache-2.0
// Contents of other programs: taken only when right, linked only when that is safe.

import Basics
import Glibc
import Store
import Support
import Testing

@Suite("Taking contents of other programs") struct TakingTests {
  private static let bytes = LoopbackFile.noise(3 << 20, seed: 11)
  private static let digest = Digest.of(bytes)

  private struct Rig {
    let folder: TemporaryFolder
    let store: ModelStore
    let ingest: Ingest
    let path: String

    init(mode: mode_t = 0o644, bytes: [UInt8] = TakingTests.bytes) throws {
      folder = try TemporaryFolder("impetus-taking")
      store = ModelStore(root: "\(folder.path)/store")
      ingest = try Ingest(store)
      path = try folder.write(bytes, to: "other/file")
      #expect(chmod(path, mode) == 0)
    }

    func inode(_ path: String) -> UInt {
      var info = stat()
      return stat(path, &info) == 0 ? UInt(info.st_ino) : 0
    }

    func mode(_ path: String) -> mode_t {
      var info = stat()
      return stat(path, &info) == 0 ? info.st_mode & 0o7777 : 0
    }
  }

  @Test("a large file is shared, not copied, and nobody can write to it any more")
  func shared() throws {
    let rig = try Rig()
    let taken = try #require(try rig.ingest.take(rig.path, expecting: .sha256(Self.digest)))
    #expect(taken.digest == Self.digest && taken.sharing != .copy)
    let blob = rig.store.path(of: Self.digest)
    #expect(try Files.read(blob) == Self.bytes && rig.mode(blob) == 0o444)
    if taken.sharing == .hardLink { #expect(rig.inode(blob) == rig.inode(rig.path) && rig.mode(rig.path) == 0o444) }
    // Once more it is the same content, and nothing is left behind.
    _ = try rig.ingest.take(rig.path, expecting: .sha256(Self.digest))
    #expect(try Files.read(rig.path) == Self.bytes)
  }

  @Test(
    "what not everybody may read, what runs as its owner, and what is small is copied", arguments: [0o600, 0o4644, 0])
  func copied(mode: mode_t) throws {
    let small = Array("{}".utf8)
    let rig = try mode == 0 ? Rig(bytes: small) : Rig(mode: mode)
    let digest = mode == 0 ? Digest.of(small) : Self.digest
    let before = rig.mode(rig.path)
    let taken = try #require(try rig.ingest.take(rig.path, expecting: .sha256(digest)))
    #expect(taken.sharing != .hardLink && rig.inode(rig.store.path(of: digest)) != rig.inode(rig.path))
    #expect(rig.mode(rig.path) == before)
  }

  @Test("other bytes are not taken, and the file keeps its mode", arguments: [true, false])
  func wrong(isGit: Bool) throws {
    let rig = try Rig()
    let other = String(repeating: "0", count: isGit ? 40 : 64)
    let name: ContentName = isGit ? .gitBlob(other) : .sha256(try #require(Digest(hex: other)))
    #expect(try rig.ingest.take(rig.path, expecting: name) == nil)
    #expect(rig.mode(rig.path) == 0o644)
    #expect(!rig.store.holds(Self.digest))
    #expect(try Files.list(rig.ingest.folder).isEmpty)
  }

  @Test("a content known by its git id is found by it afterwards") func git() throws {
    let rig = try Rig()
    let id = SHA1.gitBlob(Self.bytes)
    #expect(try rig.ingest.take(rig.path, expecting: .gitBlob(id))?.digest == Self.digest)
    #expect(rig.store.digest(gitID: id) == Self.digest)
  }

  @Test("links and pipes are refused at once") func odd() throws {
    let rig = try Rig()
    try Files.link("\(rig.folder.path)/link", to: rig.path)
    #expect(mkfifo("\(rig.folder.path)/pipe", 0o600) == 0)
    for name in ["link", "pipe", "gone"] {
      #expect(throws: FileProblem.self) { try rig.ingest.take("\(rig.folder.path)/\(name)", expecting: nil) }
    }
  }
}
