// SPDX-License-Identifier: Apache-2.0
// The store from outside: what is put in comes out, by name and by path, and other tools can read it.

import Basics
import Store
import Support
import Testing

@Suite struct StoreTests {
  private static let files = [("config.json", "{}"), ("sub/tokenizer.json", "[]"), ("model.safetensors", "weights")]

  @Test("a published model is found by name, and its files by their own names") func publish() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: Self.files, revision: String(repeating: "a", count: 40))
    #expect(try sample.store.models() == [model])
    let found = try sample.store.resolve("org/tiny")
    #expect(found == model)
    let folder = try sample.store.snapshot(found)
    #expect(folder == "\(sample.store.layout.root)/snapshots/org/tiny/main")
    for (path, text) in Self.files {
      #expect(try Files.read("\(folder)/\(path)") == Array(text.utf8))
      #expect(Files.kind("\(folder)/\(path)") == .link)
    }
    let description = try sample.store.description(found)
    #expect(description.architecture == "llama")
    #expect(description.origin.revision == String(repeating: "a", count: 40))
    #expect(found.byteCount == 2 + 2 + 7)
  }

  @Test("the layout is an OCI image layout with ModelPack manifests") func layout() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: Self.files)
    let root = sample.store.layout.root
    #expect(try JSONReader.parse(try Files.read("\(root)/oci-layout")) == ["imageLayoutVersion": "1.0.0"])
    let index = try JSONReader.parse(try Files.read("\(root)/index.json"))
    let entry = try #require(index["manifests"]?.arrayValue?.first)
    #expect(entry["digest"]?.stringValue == model.digest.description)
    #expect(entry["annotations"]?["org.opencontainers.image.ref.name"] == "org/tiny:main")
    let bytes = try Files.read(sample.store.path(of: model.digest))
    #expect(Digest.of(bytes) == model.digest)
    #expect(entry["size"]?.intValue == bytes.count)
    let manifest = try JSONReader.parse(bytes)
    #expect(manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json")
    #expect(manifest["artifactType"] == "application/vnd.cncf.model.manifest.v1+json")
    #expect(manifest["config"]?["mediaType"] == "application/vnd.cncf.model.config.v1+json")
    let layers = try #require(manifest["layers"]?.arrayValue)
    #expect(
      layers.map { $0["annotations"]?["org.cncf.model.filepath"] } == [
        "config.json", "model.safetensors", "sub/tokenizer.json",
      ])
    #expect(layers[1]["mediaType"] == "application/vnd.cncf.model.weight.v1.raw")
    #expect(layers[0]["mediaType"] == "application/vnd.cncf.model.weight.config.v1.raw")
    #expect(layers[1]["digest"]?.stringValue == Digest.of(Array("weights".utf8)).description)
    let config = try JSONReader.parse(
      try Files.read(sample.store.path(of: try #require(Digest(manifest["config"]?["digest"]?.stringValue ?? "")))))
    #expect(config["modelfs"]?["diffIds"]?.arrayValue?.count == 3)
  }

  @Test("the same files make the same digest, whatever their order and the time") func reproducible() throws {
    let one = try Sample()
    let other = try Sample()
    let first = try one.add("tiny", files: Self.files)
    let second = try other.add("tiny", files: Self.files.reversed())
    #expect(first.digest == second.digest)
  }

  @Test("a name that has other content is only replaced when told to") func replacing() throws {
    let sample = try Sample()
    let first = try sample.add("tiny", files: Self.files)
    try sample.add("tiny", files: Self.files)  // the same again is fine
    #expect(throws: StoreProblem.exists("org/tiny")) { try sample.add("tiny", files: [("config.json", "{1}")]) }
    #expect(try sample.store.resolve("org/tiny") == first)
    let second = try sample.add("tiny", files: [("config.json", "{1}")], replaces: true)
    #expect(try sample.store.resolve("org/tiny") == second)
    #expect(try sample.files(below: sample.store.layout.root + "/snapshots/org/tiny/main").isEmpty == false)
    #expect(!Files.isFile("\(sample.store.layout.root)/snapshots/org/tiny/main/model.safetensors"))
  }

  @Test(
    "texts that name a model, or do not",
    arguments: [
      ("org/tiny", "org/tiny:main"), ("tiny", "org/tiny:main"), ("TIN", "org/tiny:main"), ("tiny:q4", "org/tiny:q4"),
      ("org/ti:q4", "org/tiny:q4"), ("own", "own:v2"), ("local/own:v2", "own:v2"), ("huge-chat", "big/huge-chat:q8"),
      ("org/tiny@aaaaaaa", "org/tiny:main"),
    ])
  func resolving(text: String, expected: String) throws {
    let sample = try Sample()
    try sample.add("tiny", files: Self.files, revision: String(repeating: "a", count: 40))
    try sample.add("tiny", variant: "q4", files: Self.files)
    try sample.add("own", variant: "v2", organization: nil, files: Self.files)
    try sample.add("huge-chat", variant: "q8", organization: "big", files: Self.files)
    try sample.add("huge-base", variant: "q8", organization: "big", files: Self.files)
    #expect(try sample.store.resolve(text).reference.full == expected)
    #expect(throws: StoreProblem.self) { try sample.store.resolve("huge") }  // two models
    #expect(throws: StoreProblem.self) { try sample.store.resolve("tiny:q5") }
    #expect(throws: StoreProblem.self) { try sample.store.resolve("tiny@bbbbbbb") }
    #expect(throws: StoreProblem.self) { try sample.store.resolve("none") }
  }

  @Test(
    "texts that are no names",
    arguments: [
      "", "/", "a/", "/a", "a/b/c", "..", "../x", "a:b:c", "a b", "a:", ".a", "-a", "a.", "a@", "a@xyz", "a@sha256:12",
      "ä", "a\u{0}b", String(repeating: "x", count: 97),
    ])
  func invalidNames(text: String) { #expect(throws: StoreProblem.self) { try ReferenceQuery(text) } }

  @Test(
    "paths that could leave the folder are refused",
    arguments: [
      "", "/etc/passwd", "../x", "a/../b", "a//b", "a/.", "a\\b", "a\nb", "a/", String(repeating: "x", count: 300),
    ])
  func invalidPaths(path: String) {
    #expect(throws: StoreProblem.self) { try ModelFile(path: path, digest: Digest.of([]), byteCount: 0) }
  }

  @Test("where the store is") func location() throws {
    #expect(try StoreLocation.resolve(option: "/a/", environment: ["IMPETUS_HOME": "/b"]) == "/a")
    #expect(try StoreLocation.resolve(option: nil, environment: ["IMPETUS_HOME": "/b", "HOME": "/h"]) == "/b")
    #expect(try StoreLocation.resolve(option: nil, environment: ["XDG_DATA_HOME": "/x", "HOME": "/h"]) == "/x/impetus")
    #expect(
      try StoreLocation.resolve(option: nil, environment: ["XDG_DATA_HOME": "x", "HOME": "/h"])
        == "/h/.local/share/impetus")
    #expect(throws: StoreProblem.noHome) { try StoreLocation.resolve(option: nil, environment: [:]) }
  }

  @Test("a folder with other files is no store") func foreignFolder() throws {
    let folder = try TemporaryFolder("impetus-store")
    try AtomicFile.write([1], to: "\(folder.path)/thesis.txt")
    #expect(throws: StoreProblem.self) { try ModelStore(root: folder.path).create() }
    #expect(try Files.list(folder.path) == ["thesis.txt"])
  }
}
