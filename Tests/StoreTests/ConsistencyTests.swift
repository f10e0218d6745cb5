// SPDX-License-Identifier: Apache-2.0
// Stores whose contents are right and that do not fit together all the same.

import Basics
import Store
import Support
import Testing

@Suite struct ConsistencyTests {
  private static let files = [("config.json", "{}"), ("model.safetensors", "weights")]

  @Test("a store that fits together has no findings") func clean() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: Self.files)
    #expect(sample.store.inconsistencies(of: model).isEmpty)
    #expect(try sample.store.staleDerived().isEmpty)
    let stray = try sample.store.strayChecks(besides: sample.store.checks([model]))
    #expect(stray.checks.isEmpty)
    #expect(stray.findings.isEmpty)
  }

  @Test("a reference file under another name is found") func renamed() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: Self.files)
    let folder = "\(sample.store.layout.root)/refs/org/tiny"
    try Files.rename("\(folder)/main.json", to: "\(folder)/other.json")
    let moved = try #require(try sample.store.models().first)
    #expect(moved.digest == model.digest)
    #expect(sample.store.inconsistencies(of: moved).map(\.code) == ["reference.name"])
    #expect(Set(try sample.store.staleDerived().map(\.code)) == ["index.stale", "snapshot.stale"])
    try sample.store.repairDerived()
    #expect(try sample.store.staleDerived().isEmpty)
  }

  @Test("a config that lists other contents is found") func otherConfig() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: Self.files)
    let other = try sample.add("other", files: [("config.json", "[]")])
    // A manifest with the files of one model and the config of another; all digests are right.
    let manifest = String(decoding: try Files.read(sample.store.path(of: model.digest)), as: UTF8.self)
    let config = "\"digest\":\"\(model.manifest.config.digest)\",\"size\":\(model.manifest.config.byteCount)"
    #expect(manifest.contains(config))
    let wrong = manifest.split(separator: config, omittingEmptySubsequences: false).joined(
      separator: "\"digest\":\"\(other.manifest.config.digest)\",\"size\":\(other.manifest.config.byteCount)")
    let ingest = try Ingest(sample.store)
    let taken = try ingest.take(
      manifest: Array(wrong.utf8), as: try Reference(organization: "org", name: "wrong"), replaces: false)
    #expect(sample.store.inconsistencies(of: taken).map(\.code) == ["manifest.config"])
  }

  @Test("contents that no model needs are checked too") func stray() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: Self.files)
    try AtomicFile.write([1, 2, 4], to: sample.store.path(of: Digest.of([1, 2, 3])))
    try AtomicFile.write([1], to: "\(sample.store.layout.root)/blobs/sha256/notes.txt")
    let stray = try sample.store.strayChecks(besides: sample.store.checks([model]))
    #expect(stray.checks.count == 1)
    #expect(stray.checks.allSatisfy { sample.store.run($0) != nil })
    #expect(stray.findings.map(\.code) == ["blob.foreign"])
  }
}
