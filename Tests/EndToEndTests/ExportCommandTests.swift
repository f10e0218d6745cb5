// SPDX-License-Identifier: Apache-2.0
// Exports as folders and archives, those that somebody has tampered with, and what other OCI tools make of them.

import Basics
import Glibc
import Support
import Testing

@Suite struct ExportCommandTests {
  private typealias Rig = StoreCommandTests.Rig

  private static let llama = Fixtures.url("models/llama")
  private static let skopeo: String? = ["/usr/bin/skopeo", "/usr/local/bin/skopeo"].first { (path: String) in
    access(path, X_OK) == 0
  }

  private static func rig() throws -> Rig {
    let rig = try Rig()
    try rig.succeed("import", llama, "--name", "org/tiny")
    return rig
  }

  private static func digest(_ rig: Rig, _ name: String) throws -> String? {
    try JSONReader.parse(try rig.succeed("show", name, "--json"))["digest"]?.stringValue
  }

  private static func replaced(_ text: String, _ old: String, _ new: String) -> String {
    text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
  }

  private func names(below path: String) throws -> [String] {
    try Files.list(path).flatMap { name -> [String] in
      Files.kind("\(path)/\(name)") == .folder
        ? try names(below: "\(path)/\(name)").map { "\(name)/\($0)" } : [name]
    }
  }

  @Test("a folder is the archive unpacked, comes back whole, and is not overwritten by chance") func folder() throws {
    let rig = try Self.rig()
    let (folder, archive) = ("\(rig.folder.path)/layout", "\(rig.folder.path)/a.tar")
    try rig.succeed("export", "org/tiny", "--output", "\(folder)/")
    try rig.succeed("export", "org/tiny", "-o", archive)
    try Files.makeFolders("\(rig.folder.path)/unpacked")
    #expect(try Support.Program.run(["-xf", archive, "-C", "\(rig.folder.path)/unpacked"], of: "/bin/tar").status == 0)
    let paths = try names(below: folder)
    #expect(try names(below: "\(rig.folder.path)/unpacked") == paths)
    for path in paths {
      #expect(try Files.read("\(folder)/\(path)") == Files.read("\(rig.folder.path)/unpacked/\(path)"))
    }
    #expect(try rig.run("export", "org/tiny", "-o", folder).status == 1)
    try rig.succeed("export", "org/tiny", "-o", folder, "--force")
    // Neither a folder with other things nor a store is a layout to be replaced.
    try rig.folder.write("mine", to: "other/thesis.txt")
    #expect(try rig.run("export", "org/tiny", "-o", "\(rig.folder.path)/other", "--force").status == 1)
    #expect(try rig.run("export", "org/tiny", "-o", "\(rig.folder.path)/store", "--force").status == 1)
    let other = try Rig()
    try other.succeed("import", folder)
    #expect(try Self.digest(other, "org/tiny") == Self.digest(rig, "org/tiny"))
  }

  @Test(
    "a layout with a lie in it is refused, and nothing of it stays",
    arguments: ["manifest size", "blob size", "blob content", "missing blob", "name twice", "path", "index"])
  func tampered(kind: String) throws {
    let rig = try Self.rig()
    let folder = "\(rig.folder.path)/layout"
    try rig.succeed("export", "org/tiny", "-o", folder)
    var index = String(decoding: try Files.read("\(folder)/index.json"), as: UTF8.self)
    let digest = try #require(try Self.digest(rig, "org/tiny")).dropFirst(7)
    let manifestPath = "\(folder)/blobs/sha256/\(digest)"
    var manifest = String(decoding: try Files.read(manifestPath), as: UTF8.self)
    let layers = try JSONReader.parse(Array(manifest.utf8))["layers"]?.arrayValue ?? []
    let size = try #require(layers.first?["size"]?.intValue)
    let blob = "\(folder)/blobs/sha256/\(layers.first?["digest"]?.stringValue?.dropFirst(7) ?? "")"
    /// Puts a changed manifest under its own digest.
    func replaceManifest() throws {
      let bytes = Array(manifest.utf8)
      try AtomicFile.write(bytes, to: "\(folder)/blobs/sha256/\(Digest.of(bytes).hex)")
      index = Self.replaced(index, String(digest), Digest.of(bytes).hex)
      let oldSize = try Files.byteCount(manifestPath)
      index = Self.replaced(index, "\"size\": \(oldSize)", "\"size\": \(bytes.count)")
    }
    switch kind {
    case "manifest size": index = Self.replaced(index, "\"size\": \(manifest.utf8.count)", "\"size\": 17")
    case "blob size":
      manifest = Self.replaced(manifest, "\"size\":\(size)", "\"size\":\(size + 1)")
      try replaceManifest()
    case "blob content":
      var bytes = try Files.read(blob)
      bytes[0] ^= 1
      try AtomicFile.write(bytes, to: blob)
    case "missing blob": try Files.remove(blob)
    case "name twice":
      let entry = try #require(try JSONReader.parse(Array(index.utf8))["manifests"]?.arrayValue?.first)
      let text = JSONWriter.string(entry)
      index = #"{"schemaVersion":2,"manifests":[\#(text),\#(text)]}"#
    case "path":
      manifest = Self.replaced(manifest, "\"config.json\"", "\"../../config.json\"")
      try replaceManifest()
    default: index = "{\"manifests\":[{}]}"
    }
    try AtomicFile.write(Array(index.utf8), to: "\(folder)/index.json")
    let archive = "\(rig.folder.path)/tampered.tar"
    let packed = try Support.Program.run(["-cf", archive, "-C", folder, "."], of: "/bin/tar")
    #expect(packed.status == 0)
    for source in [folder, archive] {
      let other = try Rig()
      let run = try other.run("import", source)
      #expect(run.status == 2, "\(kind): \(run.errors)")
      #expect(try other.succeed("list", "--quiet") == "")
      #expect(try Files.list("\(other.folder.path)/store/ingest").isEmpty)
      try other.succeed("verify")
    }
  }

  @Test(
    "skopeo reads and copies the store, an exported folder and an archive, and the copy keeps the digest",
    .enabled(if: skopeo != nil, "skopeo is not installed"))
  func otherTools() throws {
    let skopeo = try #require(Self.skopeo)
    let rig = try Self.rig()
    let (folder, archive) = ("\(rig.folder.path)/layout", "\(rig.folder.path)/a.tar")
    try rig.succeed("export", "org/tiny", "-o", folder)
    try rig.succeed("export", "org/tiny", "-o", archive)
    let digest = try #require(try Self.digest(rig, "org/tiny"))
    let sources = ["oci:\(rig.folder.path)/store", "oci:\(folder)", "oci-archive:\(archive)"]
    for (number, source) in sources.enumerated() {
      let inspected = try Support.Program.run(["inspect", "--raw", "\(source):org/tiny:main"], of: skopeo)
      #expect(inspected.status == 0, "\(source): \(inspected.errors)")
      #expect(Digest.of(Array(inspected.output.utf8)).description == digest)
      let copy = "\(rig.folder.path)/copy\(number)"
      let copied = try Support.Program.run(
        ["--insecure-policy", "copy", "--preserve-digests", "\(source):org/tiny:main", "oci:\(copy):org/tiny:main"],
        of: skopeo)
      #expect(copied.status == 0, "\(source): \(copied.errors)")
      let other = try Rig()
      try other.succeed("import", copy)
      #expect(try Self.digest(other, "org/tiny") == digest)
      try other.succeed("verify")
    }
  }
}
