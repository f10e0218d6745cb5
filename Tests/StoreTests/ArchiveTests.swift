// SPDX-License-Identifier: Apache-2.0
// Archives made by the system's tar and by hand: what is in them comes out, and nothing else happens.

import Basics
import Glibc
import Store
import Support
import Testing

@Suite struct ArchiveTests {
  /// A tar entry's header; ustar, as POSIX has it.
  private static func entry(_ name: String, _ content: [UInt8], type: Character = "0", link: String = "") -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ offset: Int, _ width: Int) {
      for (index, byte) in text.utf8.prefix(width).enumerated() { header[offset + index] = byte }
    }
    func octal(_ value: Int, _ width: Int) -> String {
      let digits = String(value, radix: 8)
      return String(repeating: "0", count: max(0, width - 1 - digits.count)) + digits
    }
    put(name, 0, 100)
    put("0000644", 100, 8)
    put("0000000", 108, 8)
    put("0000000", 116, 8)
    put(octal(content.count, 12), 124, 12)
    put(octal(0, 12), 136, 12)
    put("        ", 148, 8)
    put(String(type), 156, 1)
    put(link, 157, 100)
    put("ustar", 257, 6)
    put("00", 263, 2)
    put(octal(header.reduce(0) { $0 + Int($1) }, 7), 148, 7)
    return header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  private static func extract(
    _ bytes: [UInt8], limits: Archive.Limits = Archive.Limits(entries: 10, byteCount: 5000)
  ) throws -> (folder: TemporaryFolder, names: [String]) {
    let folder = try TemporaryFolder("impetus-archive")
    try AtomicFile.write(bytes, to: "\(folder.path)/a.tar")
    try Files.makeFolders("\(folder.path)/out")
    return (folder, try Archive.extract("\(folder.path)/a.tar", to: "\(folder.path)/out", limits: limits))
  }

  private static let end = [UInt8](repeating: 0, count: 1024)

  @Test("files come out under their names") func files() throws {
    let (folder, names) = try Self.extract(
      Self.entry("./a.txt", Array("one".utf8)) + Self.entry("d/b.txt", Array("two".utf8)) + Self.end)
    #expect(names == ["a.txt", "d/b.txt"])
    #expect(try Files.read("\(folder.path)/out/a.txt") == Array("one".utf8))
    #expect(try Files.read("\(folder.path)/out/d/b.txt") == Array("two".utf8))
  }

  @Test(
    "hostile entries end it",
    arguments: [
      entry("../x", [1]), entry("/tmp/x", [1]), entry("a/../../x", [1]), entry("l", [], type: "2", link: "/etc/passwd"),
      entry("h", [], type: "1", link: "a"), entry("dev", [], type: "3"), entry("fifo", [], type: "6"),
      entry("a", [1]) + entry("a", [2]), entry("", [1]),
    ])
  func hostile(bytes: [UInt8]) throws {
    #expect(throws: (any Error).self) { try Self.extract(bytes + Self.end) }
  }

  @Test("archives without end are refused") func bombs() throws {
    let many = (0..<11).flatMap { Self.entry("f\($0)", [1]) } + Self.end
    #expect(throws: ArchiveProblem.self) { try Self.extract(many) }
    let large = Self.entry("f", [UInt8](repeating: 7, count: 5001)) + Self.end
    #expect(throws: ArchiveProblem.self) { try Self.extract(large) }
  }

  @Test("a few bytes that unpack to a great many are refused before the disk is full") func compressed() throws {
    let folder = try TemporaryFolder("impetus-archive")
    let plain = Self.entry("f", [UInt8](repeating: 0, count: 8 << 20)) + Self.end
    try AtomicFile.write(plain, to: "\(folder.path)/a.tar")
    let packed = try Program.run(["-9", "\(folder.path)/a.tar"], of: "/bin/gzip")
    #expect(packed.status == 0)
    try Files.makeFolders("\(folder.path)/out")
    var limits = Archive.Limits(byteCount: 1 << 30)
    limits.ratio = 500
    limits.ratioFreeByteCount = 1 << 20
    #expect(throws: ArchiveProblem.self) {
      try Archive.extract("\(folder.path)/a.tar.gz", to: "\(folder.path)/out", limits: limits)
    }
    // It ends soon after the first megabyte.
    #expect(try Files.byteCount("\(folder.path)/out/f") < 4 << 20)
  }

  @Test("an entry that is longer in its header than in the archive is refused") func lyingSize() throws {
    var bytes = Self.entry("f", [UInt8](repeating: 7, count: 600))
    for (index, byte) in "00000007640".utf8.enumerated() { bytes[124 + index] = byte }  // 4000 bytes
    for index in 148..<156 { bytes[index] = UInt8(ascii: " ") }
    let sum = bytes[..<512].reduce(0) { $0 + Int($1) }
    let digits = String(sum, radix: 8)
    for (index, byte) in (String(repeating: "0", count: 6 - digits.count) + digits + "\0 ").utf8.enumerated() {
      bytes[148 + index] = byte
    }
    #expect(throws: ArchiveProblem.self) { try Self.extract(bytes) }
  }

  @Test(
    "what is no archive, or only half of one, is refused", arguments: [[], [1, 2, 3], Array("PK\u{3}\u{4}xx".utf8)])
  func broken(bytes: [UInt8]) {
    #expect(throws: ArchiveProblem.self) {
      let (_, names) = try Self.extract(bytes)
      // libarchive takes an empty file for an empty archive.
      if names.isEmpty { throw ArchiveProblem.unreadable(path: "", why: "") }
    }
    let cut = Array(Self.entry("f", [UInt8](repeating: 7, count: 3000)).prefix(1500))
    #expect(throws: ArchiveProblem.self) { try Self.extract(cut) }
  }
}
