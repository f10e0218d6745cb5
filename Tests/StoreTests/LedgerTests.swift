// SPDX-License-Identifier: Apache-2.0
// Large contents with their ledgers: which stretches are wrong, and what a wrong ledger costs.

import Basics
import Store
import Support
import Testing

@Suite struct LedgerTests {
  private static let stretch = HashLedger.stretchByteCount

  /// A model with one content of three stretches.
  private func large() throws -> (Sample, StoredModel, Digest) {
    let sample = try Sample()
    let tile = (0..<4093).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    var bytes: [UInt8] = []
    while bytes.count < 2 * Self.stretch + 100 { bytes += tile }
    let ingest = try Ingest(sample.store)
    let path = try sample.folder.write(bytes, to: "weights")
    let descriptor = try ingest.copy(path)
    let file = try ModelFile(path: "model.safetensors", digest: descriptor.digest, byteCount: descriptor.byteCount)
    let model = try ingest.publish(
      [file], as: Reference(organization: "org", name: "large"), description: ModelDescription(), replaces: false)
    return (sample, model, descriptor.digest)
  }

  private func ledger(_ sample: Sample, _ digest: Digest) -> String {
    "\(sample.store.layout.root)/known/ledger/\(digest.hex)"
  }

  private func damage(_ sample: Sample, _ model: StoredModel) -> [ModelStore.Damage] {
    sample.store.checks([model]).compactMap { sample.store.run($0) }
  }

  @Test("an added content has a ledger, and collecting it takes the ledger along") func kept() throws {
    let (sample, model, digest) = try large()
    let lines = String(decoding: try Files.read(ledger(sample, digest)), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 3)
    #expect(damage(sample, model).isEmpty)
    try sample.store.remove(model)
    _ = try sample.store.collect(trashAge: 0)
    #expect(Files.kind(ledger(sample, digest)) == nil)
  }

  @Test(
    "wrong stretches are named, neighbours as one",
    arguments: [
      ([1], [stretch..<2 * stretch]), ([0, 1], [0..<2 * stretch]),
      ([0, 2], [0..<stretch, 2 * stretch..<3 * stretch]), ([2], [2 * stretch..<3 * stretch]),
    ] as [([Int], [Range<Int>])])
  func wrong(stretches: [Int], ranges: [Range<Int>]) throws {
    let (sample, model, digest) = try large()
    var bytes = try Files.read(sample.store.path(of: digest))
    for stretch in stretches { bytes[stretch * Self.stretch + 50] ^= 1 }
    try sample.damage(digest, with: bytes)
    let found = try #require(damage(sample, model).first)
    #expect(found.finding.code == "blob.corrupt")
    #expect(found.wrongBytes == ranges.map { $0.lowerBound..<min($0.upperBound, bytes.count) })
    #expect(found.finding.ranges == found.wrongBytes)
  }

  @Test("of a content cut short, what is left is believed") func short() throws {
    let (sample, model, digest) = try large()
    let bytes = try Files.read(sample.store.path(of: digest))
    try sample.damage(digest, with: Array(bytes[..<(Self.stretch + 5)]))
    let found = try #require(damage(sample, model).first)
    #expect(found.finding.code == "blob.size")
    #expect(found.wrongBytes == [Self.stretch..<bytes.count])
  }

  @Test(
    "a ledger that is wrong, torn or gone is made again, and damages nothing", arguments: ["wrong", "torn", "gone"])
  func wrongLedger(kind: String) throws {
    let (sample, model, digest) = try large()
    let path = ledger(sample, digest)
    let right = try Files.read(path)
    var text = right
    switch kind {
    case "wrong": text[60] = text[60] == 0x61 ? 0x62 : 0x61
    case "torn": text.removeLast(10)
    default: text = []
    }
    try Files.remove(path)
    if kind != "gone" { try AtomicFile.write(text, to: path) }
    #expect(damage(sample, model).isEmpty)
    #expect(try Files.read(path) == right)
  }
}
