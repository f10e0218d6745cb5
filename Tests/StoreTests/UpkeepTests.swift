// SPDX-License-Identifier: Apache-2.0
// Removing, restoring, collecting, damage, and processes that die in between.

import Basics
import Store
import Support
import Testing

@Suite struct UpkeepTests {
  private static let weights = ("model.safetensors", "weights")

  @Test("a removed model comes back from the trash, until its room is freed") func trash() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    try sample.store.remove(model)
    #expect(try sample.store.models().isEmpty)
    #expect(!Files.isFolder(sample.store.snapshotFolder(model.reference)))
    #expect(try sample.store.collect(trashAge: 3600).blobs == 0)
    #expect(try sample.store.restore("org/tiny") == model)
    #expect(try Files.read("\(try sample.store.snapshot(model))/model.safetensors") == Array("weights".utf8))
    try sample.store.remove(model)
    let collected = try sample.store.collect(trashAge: 0)
    #expect(collected.trashed == 1)
    #expect(collected.blobs == 3)  // weights, config, manifest
    #expect(throws: StoreProblem.self) { try sample.store.restore("org/tiny") }
    #expect(try sample.files(below: "\(sample.store.layout.root)/blobs").isEmpty)
  }

  @Test("contents that another model needs stay") func shared() throws {
    let sample = try Sample()
    let one = try sample.add("one", files: [Self.weights, ("a.json", "1")])
    let other = try sample.add("other", files: [Self.weights, ("b.json", "2")])
    try sample.store.remove(one)
    _ = try sample.store.collect(trashAge: 0)
    for file in other.manifest.files { #expect(sample.store.holds(file.digest, byteCount: file.byteCount)) }
    #expect(!sample.store.holds(try #require(one.manifest.files.first).digest))
  }

  @Test("a dry run counts and removes nothing") func dryRun() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    try sample.store.remove(model)
    let counted = try sample.store.collect(trashAge: 0, isDryRun: true)
    #expect(try sample.store.restore("org/tiny") == model)
    try sample.store.remove(model)
    #expect(try sample.store.collect(trashAge: 0) == counted)
  }

  @Test("nothing is collected while contents are added, nor added while collecting") func busy() throws {
    let sample = try Sample()
    let ingest = try Ingest(sample.store)
    _ = try ingest.add([1, 2, 3])
    #expect(throws: StoreProblem.busy(path: sample.store.layout.root)) { try sample.store.collect(trashAge: 0) }
    _ = ingest.folder
    let lock = try FileLock.trying("\(sample.store.layout.root)/refs.lock", mode: .exclusive)
    lock.release()
  }

  @Test("what an unfinished session leaves is collected, and the store is clean before that") func leftovers() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    // As a process that was killed leaves it: a half-written file and contents without a reference.
    try Files.makeFolders("\(sample.store.layout.root)/ingest/123-x")
    try AtomicFile.write([1, 2], to: "\(sample.store.layout.root)/ingest/123-x/half")
    try AtomicFile.write([9], to: sample.store.path(of: Digest.of([9])))
    #expect(try sample.store.survey().damaged.isEmpty)
    #expect(try sample.store.models() == [model])
    let collected = try sample.store.collect(trashAge: nil)
    #expect(collected.blobs == 1)
    #expect(collected.unfinished == 1)
    #expect(try sample.store.models() == [model])
  }

  @Test("packed weights go with their model, or all at once when that is asked for") func packed() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    let folder = sample.store.layout.packed
    try Files.makeFolders(folder)
    for digest in [model.digest, Digest.of([7])] { try AtomicFile.write([1], to: "\(folder)/\(digest.hex).rows16-1") }
    try AtomicFile.write([1], to: "\(folder)/something")
    #expect(try sample.store.collect(trashAge: nil, isDryRun: true).packed == 2)
    #expect(try sample.store.collect(trashAge: nil).packed == 2)
    #expect(try Files.list(folder) == ["\(model.digest.hex).rows16-1"])
    #expect(try sample.store.collect(trashAge: nil, dropsPacked: true).packed == 1)
    #expect(try Files.list(folder).isEmpty)
  }

  @Test("losing what follows from the references loses nothing") func derived() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    let root = sample.store.layout.root
    try Files.removeTree("\(root)/snapshots")
    try Files.remove("\(root)/index.json")
    #expect(try Files.read("\(try sample.store.snapshot(model))/model.safetensors") == Array("weights".utf8))
    // A link that was turned elsewhere is put right as well.
    let link = "\(sample.store.snapshotFolder(model.reference))/model.safetensors"
    try Files.remove(link)
    try Files.link(link, to: "/etc/passwd")
    _ = try sample.store.snapshot(model)
    #expect(try Files.read(link) == Array("weights".utf8))
    try sample.store.repairDerived()
    #expect(Files.isFile("\(root)/index.json"))
  }

  @Test("every kind of damage to a content is found", arguments: ["gone", "shorter", "changed"])
  func damage(kind: String) throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    let digest = try #require(model.manifest.files.first).digest
    #expect(sample.store.checks([model]).compactMap { sample.store.run($0) }.isEmpty)
    switch kind {
    case "gone": try Files.remove(sample.store.path(of: digest))
    case "shorter": try sample.damage(digest, with: "weight")
    default: try sample.damage(digest, with: "w3ights")
    }
    let findings = sample.store.checks([model]).compactMap { sample.store.run($0) }
    #expect(findings.count == 1)
    #expect(findings.first?.finding.place == "org/tiny:main model.safetensors")
  }

  @Test(
    "a damaged manifest or reference is named, and the others still work",
    arguments: [
      "", "{", "[]", "{\"manifest\":{}}", "{\"manifest\":{\"mediaType\":\"x\",\"digest\":\"sha256:..\",\"size\":1}}",
    ])
  func damagedReference(text: String) throws {
    let sample = try Sample()
    try sample.add("bad", files: [Self.weights])
    let good = try sample.add("good", files: [Self.weights])
    try AtomicFile.write(Array(text.utf8), to: "\(sample.store.layout.root)/refs/org/bad/main.json")
    let survey = try sample.store.survey()
    #expect(survey.models == [good])
    #expect(survey.damaged.map(\.place) == ["refs/org/bad/main.json"])
    #expect(throws: (any Error).self) { try sample.store.collect(trashAge: 0) }
  }

  @Test("a damaged reference can be removed, and then the store can be collected again") func removeDamaged() throws {
    let sample = try Sample()
    let bad = try sample.add("bad", files: [("a", "1")])
    let good = try sample.add("good", files: [Self.weights])
    #expect(try sample.store.removeDamaged("org/good") == nil)
    try Files.remove(sample.store.path(of: bad.digest))
    #expect(throws: (any Error).self) { try sample.store.collect(trashAge: 0) }
    #expect(try sample.store.removeDamaged("org/ba") == nil)
    #expect(try sample.store.removeDamaged("org/bad") == bad.reference)
    try AtomicFile.write([1], to: "\(sample.store.layout.root)/trash/1-x.json")
    let collected = try sample.store.collect(trashAge: 0)
    #expect(collected.blobs == 2)
    #expect(try Files.list("\(sample.store.layout.root)/trash").isEmpty)
    #expect(try sample.store.models() == [good])
  }

  @Test(
    "hostile manifests are refused",
    arguments: [
      #"{"schemaVersion":1}"#, #"{"schemaVersion":2,"artifactType":"x","config":{},"layers":[]}"#,
      #"{"schemaVersion":2,"artifactType":"application/vnd.cncf.model.manifest.v1+json","layers":[]}"#,
      manifest(paths: ["../../x"]), manifest(paths: ["/x"]), manifest(paths: ["a", "a"]),
      manifest(paths: ["a", "a/b"]),
      manifest(paths: ["a"], type: "application/vnd.cncf.model.weight.v1.tar"), manifest(paths: ["a"], size: "-1"),
      manifest(paths: ["a"], size: "1e400"),
    ])
  func hostileManifest(text: String) throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    let bytes = Array(text.utf8)
    try AtomicFile.write(bytes, to: sample.store.path(of: Digest.of(bytes)))
    let reference =
      #"{"manifest":{"mediaType":"m","digest":"\#(Digest.of(bytes))","size":\#(bytes.count)}}"#
    try AtomicFile.write(Array(reference.utf8), to: "\(sample.store.layout.root)/refs/org/tiny/main.json")
    #expect(throws: StoreProblem.self) { try sample.store.load(model.reference) }
  }

  static func manifest(
    paths: [String], type: String = "application/vnd.cncf.model.weight.v1.raw", size: String = "1"
  ) -> String {
    let digest = Digest.of([1])
    let layers = paths.map {
      #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(size),"annotations":{"org.cncf.model.filepath":"\#($0)"}}"#
    }
    return #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#
      + #""artifactType":"application/vnd.cncf.model.manifest.v1+json","#
      + #""config":{"mediaType":"c","digest":"\#(digest)","size":1},"layers":[\#(layers.joined(separator: ","))]}"#
  }
}
