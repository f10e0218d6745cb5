// SPDX-License-Identifier: Apache-2.0
// Files, locks, digests and maps: what holds, and how it fails.

import Basics
import Support
import Testing

@Suite struct FilesTests {
  @Test("an atomic write replaces the file and leaves nothing behind") func atomicWrite() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/a"
    try AtomicFile.write(Array("one".utf8), to: path)
    try AtomicFile.write(Array("two".utf8), to: path)
    #expect(try Files.read(path) == Array("two".utf8))
    #expect(try Files.list(folder.path) == ["a"])
  }

  @Test("reading is bounded") func readLimit() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("12345", to: "a")
    #expect(throws: FileProblem.tooLarge(path: path, byteCount: 5, limit: 4)) { try Files.read(path, limit: 4) }
  }

  @Test("a missing file has its own case and exit code") func missing() {
    let problem = #expect(throws: FileProblem.self) { try Files.read("/nonexistent/file") }
    #expect(problem == .notFound(path: "/nonexistent/file"))
    #expect(problem?.status == .notFound)
  }

  @Test("a map shows the file's bytes, also of an empty file") func map() throws {
    let folder = try TemporaryFolder()
    let mapped = try MappedFile(try folder.write("hello", to: "a"))
    #expect(mapped.byteCount == 5)
    let last = mapped.bytes[4]
    #expect(last == UInt8(ascii: "o"))
    let empty = try MappedFile(try folder.write("", to: "b"))
    #expect(empty.byteCount == 0 && empty.unsafeBase == nil)
  }

  @Test("a folder cannot be mapped") func mapFolder() throws {
    let folder = try TemporaryFolder()
    #expect(throws: FileProblem.self) { try MappedFile(folder.path) }
  }

  @Test("an exclusive lock keeps others out until it is dropped") func lock() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/lock"
    func attempt(_ mode: FileLock.Mode) -> Bool { (try? FileLock.trying(path, mode: mode)) != nil }
    do {
      let held = try FileLock.waiting(path, mode: .exclusive)
      #expect(!attempt(.shared))
      #expect(!attempt(.exclusive))
      _ = consume held
    }
    #expect(attempt(.exclusive))
    let shared = try FileLock.waiting(path, mode: .shared)
    #expect(attempt(.shared))
    #expect(!attempt(.exclusive))
    _ = consume shared
  }

  @Test("removing a tree does not follow links") func removeTree() throws {
    let folder = try TemporaryFolder()
    try folder.write("keep", to: "outside/file")
    try folder.write("go", to: "tree/sub/file")
    try Files.link("\(folder.path)/tree/link", to: "../outside")
    try Files.removeTree("\(folder.path)/tree")
    #expect(Files.kind("\(folder.path)/tree") == nil)
    #expect(Files.isFile("\(folder.path)/outside/file"))
  }

  @Test(
    "paths are split at the last slash",
    arguments: [
      ("a/b/c", "a/b", "c"), ("c", ".", "c"), ("/c", "/", "c"), ("a/", "a", ""),
    ])
  func paths(_ path: String, _ parent: String, _ name: String) {
    #expect(Files.parent(of: path) == parent)
    #expect(Files.name(of: path) == name)
  }
}

@Suite struct DigestTests {
  let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  @Test("known digests") func known() {
    #expect(Digest.of([]).hex == empty)
    #expect(Digest.of(Array("abc".utf8)).hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(SHA1.gitBlob(Array("hello\n".utf8)) == "ce013625030ba8dba906f756967f9e9ca394464a")
  }

  @Test("a file's digest is that of its bytes") func file() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let path = try folder.write(bytes, to: "a")
    #expect(try Digest.ofFile(path) == Digest.of(bytes))
  }

  @Test("only 64 lower-case hex digits are a digest") func parsing() {
    #expect(Digest(hex: empty) != nil)
    #expect(Digest("sha256:\(empty)")?.hex == empty)
    for bad in [
      "", "../\(empty.dropFirst(3))", empty.uppercased(), empty + "0", "sha512:\(empty)", String(empty.dropLast()),
    ] {
      #expect(Digest(hex: bad) == nil)
      #expect(Digest(bad) == nil)
    }
  }
}

@Suite struct MachineTests {
  @Test("the machine has memory and a core") func facts() {
    #expect(Memory.installed > 1 << 20)
    #expect(Memory.available > 0 && Memory.available <= Memory.installed)
    #expect(Memory.peakResident > 1 << 20)
    #expect(Processor.usableCores >= 1)
    #expect(!Processor.name.isEmpty)
  }
}
