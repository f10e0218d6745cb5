// SPDX-License-Identifier: Apache-2.0
// Room: who needs how much, further names, what grace and erasing leave alone, and collecting beside other processes.

import Basics
import Glibc
import Store
import Support
import Synchronization
import Testing

@Suite struct RoomTests {
  private static let weights = ("model.safetensors", "weights")

  private func usage(_ sample: Sample, _ name: String) throws -> ModelStore.Usage.Entry {
    try #require(try sample.store.usage().entries.first { $0.model.reference.name == name })
  }

  @Test("shared bytes are those of other models, unique ones are not, and together they are all") func usage() throws {
    let sample = try Sample()
    try sample.add("one", files: [Self.weights, ("a.json", "12345")])
    try sample.add("other", files: [Self.weights, ("b.json", "1")])
    let (one, other) = (try usage(sample, "one"), try usage(sample, "other"))
    #expect(one.sharedByteCount == 7)
    #expect(other.sharedByteCount == 7)
    #expect(one.byteCount == one.sharedByteCount + one.uniqueByteCount)
    #expect(one.reclaimableByteCount == one.uniqueByteCount)
    let usage = try sample.store.usage()
    #expect(usage.byteCount == 7 + one.uniqueByteCount + other.uniqueByteCount)
    #expect(usage.reclaimableByteCount == 0)
  }

  @Test("what the trash, nobody and interrupted work hold is reclaimable, as collecting shows") func reclaimable()
    throws
  {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    try sample.store.remove(model)
    try AtomicFile.write([1, 2, 3], to: sample.store.path(of: Digest.of([1, 2, 3])))
    try AtomicFile.write([1, 2], to: "\(sample.store.layout.root)/parts/half")
    let usage = try sample.store.usage()
    #expect(usage.unneededByteCount == 3)
    #expect(usage.unfinishedByteCount == 2)
    #expect(usage.trashByteCount == usage.entries.first?.byteCount)
    #expect(usage.entries.first?.isTrashed == true)
    let collected = try sample.store.collect(trashAge: 0, partsAge: 0)
    #expect(collected.byteCount == usage.reclaimableByteCount)
    #expect(try sample.store.usage().byteCount == 0)
  }

  @Test("what another program is linked to does not come free") func linked() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    let before = try usage(sample, "tiny")
    let blob = sample.store.path(of: try #require(model.manifest.files.first).digest)
    let run = try Program.run([blob, "\(sample.folder.path)/elsewhere"], of: "/bin/ln")
    #expect(run.status == 0)
    let after = try usage(sample, "tiny")
    #expect(after.uniqueByteCount == before.uniqueByteCount)
    #expect(after.reclaimableByteCount == before.reclaimableByteCount - 7)
  }

  @Test("a further name is the same model, and outlives the first") func names() throws {
    let sample = try Sample()
    let model = try sample.add("tiny", files: [Self.weights])
    let named = try sample.store.name(model, as: try Reference(name: "chat"), replaces: false)
    #expect(named.digest == model.digest)
    try sample.store.remove(model)
    _ = try sample.store.collect(trashAge: 0)
    #expect(try sample.store.resolve("chat").digest == model.digest)
    #expect(try Files.read("\(try sample.store.snapshot(named))/model.safetensors") == Array("weights".utf8))
    // The first one's contents are whole as long as the second needs them, so it could be named again; a model that is
    // gone cannot.
    try sample.store.remove(named)
    _ = try sample.store.collect(trashAge: 0)
    #expect(throws: StoreProblem.self) {
      try sample.store.name(model, as: try Reference(name: "late"), replaces: false)
    }
  }

  @Test("a name that is taken is given away only where that is asked for, and then comes back") func taken() throws {
    let sample = try Sample()
    let one = try sample.add("one", files: [Self.weights])
    let other = try sample.add("other", files: [("model.safetensors", "others")])
    #expect(throws: StoreProblem.exists("org/other")) {
      try sample.store.name(one, as: other.reference, replaces: false)
    }
    #expect(try sample.store.name(one, as: other.reference, replaces: true).digest == one.digest)
    #expect(throws: StoreProblem.exists("org/other")) { try sample.store.restore("org/other") }
    #expect(try sample.store.restore("org/other", replaces: true).digest == other.digest)
    // What it replaced lies in the trash in its turn.
    #expect(try sample.store.restore("org/other", replaces: true).digest == one.digest)
  }

  @Test("a version after @ chooses among those in the trash") func versions() throws {
    let sample = try Sample()
    let (old, new) = (String(repeating: "a", count: 40), String(repeating: "b", count: 40))
    for (commit, text) in [(old, "1"), (new, "2")] {
      try sample.store.remove(try sample.add("tiny", files: [("a", text)], revision: commit))
    }
    #expect(throws: StoreProblem.self) { try sample.store.restore("org/tiny@ccccccc") }
    #expect(try sample.store.restore("org/tiny@aaaaaaa").revision == old)
  }

  @Test("erasing a model leaves the trash and shared contents alone") func erasing() throws {
    let sample = try Sample()
    let kept = try sample.add("kept", files: [Self.weights, ("a.json", "1")])
    let trashed = try sample.add("trashed", files: [("b.json", "22")])
    let gone = try sample.add("gone", files: [Self.weights, ("c.json", "333")])
    try sample.store.remove(trashed)
    let expected = try usage(sample, "gone").uniqueByteCount
    #expect(try sample.store.erase([gone]) == expected)
    #expect(try sample.store.models() == [kept])
    #expect(sample.store.checks([kept]).allSatisfy { sample.store.run($0) == nil })
    #expect(try sample.store.restore("org/trashed") == trashed)
    #expect(sample.store.checks([trashed]).allSatisfy { sample.store.run($0) == nil })
    #expect(try sample.store.collect(trashAge: 0).blobs == 0)
  }

  @Test("young contents stay for the pull that brought them") func grace() throws {
    let sample = try Sample()
    try sample.add("tiny", files: [Self.weights])
    let digest = Digest.of([1, 2, 3])
    try AtomicFile.write([1, 2, 3], to: sample.store.path(of: digest))
    #expect(try sample.store.collect(trashAge: 0, contentAge: 3600).blobs == 0)
    #expect(sample.store.holds(digest))
    #expect(try sample.store.collect(trashAge: 0).blobs == 1)
    #expect(!sample.store.holds(digest))
  }

  @Test("collecting beside adding, naming and restoring never takes what a name needs") func race() throws {
    let sample = try Sample()
    let model = try sample.add("base", files: [Self.weights, ("a.json", "1")])
    let store = sample.store
    let isOver = Atomic(false)
    let collectors = Mutex(0)
    for _ in 0..<2 {
      collectors.withLock { $0 += 1 }
      let started = NamedThread.start("collect") {
        while !isOver.load(ordering: .relaxed) {
          _ = try? store.collect(trashAge: 0, partsAge: 0)
          usleep(300)
        }
        collectors.withLock { $0 -= 1 }
      }
      #expect(started)
    }
    var whole = 0
    // Collectors may keep it busy for a while; without any of them in the way this ends after sixty rounds.
    var round = 0
    while round < 60 || whole < 5 {
      round += 1
      try #require(round < 100_000)
      do {
        let added = try sample.add(
          "added\(round)", files: [("model.safetensors", "weights \(round)"), ("a.json", "1")])
        _ = try store.name(added, as: try Reference(name: "named\(round)"), replaces: false)
        try store.remove(added)
        #expect(store.checks([try store.resolve("named\(round)")]).allSatisfy { store.run($0) == nil })
        // In the trash it may be collected at once; then it cannot come back, and nothing half comes.
        if let back = try? store.restore("org/added\(round)") {
          #expect(store.checks([back]).allSatisfy { store.run($0) == nil })
        }
        whole += 1
      } catch StoreProblem.busy {
        continue
      }
    }
    isOver.store(true, ordering: .relaxed)
    while collectors.withLock({ $0 }) > 0 { usleep(1000) }
    #expect(whole > 0)
    #expect(try store.survey().damaged.isEmpty)
    #expect(store.checks(try store.models()).allSatisfy { store.run($0) == nil })
    #expect(try store.load(model.reference) == model)
  }
}
