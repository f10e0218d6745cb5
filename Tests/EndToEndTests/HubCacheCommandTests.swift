// SPDX-License-Identifier: Apache-2.0
// Pulls that share the cache of the hub's Python client, in both directions.

import Basics
import Support
import Testing

@Suite("Pulls and the hub's cache") struct HubCacheCommandTests {
  private static let weights = LoopbackFile(
    "model.safetensors",
    SafetensorsBuilder.file(
      #"{"a":{"dtype":"U8","shape":[\#(3 << 20)],"data_offsets":[0,\#(3 << 20)]}}"#,
      data: LoopbackFile.noise(3 << 20, seed: 3)), isLarge: true)
  private static let files = [
    LoopbackFile("README.md", "read"), LoopbackFile("config.json", "{}"), LoopbackFile("1_Pooling/config.json", "{ }"),
    weights,
  ]

  /// A hub, and machines that share one cache but no store.
  private final class Rig {
    let hub: LoopbackHub
    let folder: TemporaryFolder

    init() throws {
      hub = try LoopbackHub(HubCacheCommandTests.files)
      folder = try TemporaryFolder("impetus-hub-cache")
    }

    deinit { hub.stop() }

    var repository: String { "\(folder.path)/hub/models--org--model" }

    func run(_ store: String, _ arguments: String...) throws -> Support.Program.Run {
      try Support.Program.run(
        arguments,
        environment: [
          "IMPETUS_HOME": "\(folder.path)/\(store)", "HOME": folder.path, "HF_ENDPOINT": hub.endpoint,
          "HF_HUB_CACHE": "\(folder.path)/hub",
        ])
    }

    func pull(_ store: String, _ options: String...) throws -> JSONValue {
      let run = try Support.Program.run(
        ["pull", "org/model", "--json"] + options,
        environment: [
          "IMPETUS_HOME": "\(folder.path)/\(store)", "HOME": folder.path, "HF_ENDPOINT": hub.endpoint,
          "HF_HUB_CACHE": "\(folder.path)/hub",
        ])
      #expect(run.status == 0, "\(run.errors)")
      return try JSONReader.parse(run.output)
    }

    var fetched: Int { hub.sentByteCount(.cdn) + hub.sentByteCount(.cache) }
  }

  @Test("what one pull wrote there another store takes without fetching a byte, and both are the same") func roundTrip()
    throws
  {
    let rig = try Rig()
    let first = try rig.pull("a", "--to-hf-cache")
    #expect(first["hf_cache_folder"]?.stringValue?.hasPrefix("\(rig.repository)/snapshots/") == true)
    #expect(try Files.read("\(rig.repository)/refs/main").count == 40)
    let before = rig.fetched
    let dry = try rig.run("b", "pull", "org/model", "--dry-run")
    #expect(dry.errors.contains("from the hub's cache: 3.00 MiB") && !dry.errors.contains("to fetch"), "\(dry.errors)")
    let second = try rig.pull("b")
    #expect(rig.fetched == before)
    #expect(second["digest"] == first["digest"])
    #expect(try Files.read("\(rig.folder.path)/b/blobs/sha256/\(Self.weights.digest.hex)") == Self.weights.content)
    // Told to leave the cache alone it fetches all, and before that the beginnings that tell what it is.
    let record = rig.hub.records.count
    let third = try rig.pull("c", "--no-hf-cache")
    #expect(third["fetched_bytes"] == JSONValue(Self.files.reduce(0) { $0 + $1.content.count }))
    for request in rig.hub.records[record...].map(\.request) {
      guard let range = request.range(of: Self.weights.content.count) else { continue }
      #expect(range.lowerBound == 0 && range.count <= 256 << 10)
    }
  }

  @Test("a damaged blob of the cache is fetched instead, and stays as it is") func damaged() throws {
    let rig = try Rig()
    _ = try rig.pull("a", "--to-hf-cache")
    let blob = "\(rig.repository)/blobs/\(Self.weights.digest.hex)"
    var bytes = Self.weights.content
    bytes[1 << 20] ^= 1
    try Files.remove(blob)
    try AtomicFile.write(bytes, to: blob)
    let before = rig.fetched
    _ = try rig.pull("b")
    #expect(rig.fetched - before == Self.weights.content.count)
    #expect(try Files.read(blob) == bytes)
    #expect(try Files.read("\(rig.folder.path)/b/blobs/sha256/\(Self.weights.digest.hex)") == Self.weights.content)
  }

  @Test("offline it is written from the store, with the names the hub gave") func offline() throws {
    let rig = try Rig()
    _ = try rig.pull("a", "--to-hf-cache")
    let names = try Files.list("\(rig.repository)/blobs")
    try Files.removeTree("\(rig.folder.path)/hub")
    rig.hub.stop()
    _ = try rig.pull("a", "--offline", "--to-hf-cache")
    #expect(try Files.list("\(rig.repository)/blobs") == names)
    #expect(names.contains(SHA1.gitBlob(Array("{}".utf8))))
    #expect(try rig.run("a", "import", Fixtures.url("models/llama"), "--name", "org/own").status == 0)
    let own = try rig.run("a", "pull", "org/own", "--offline", "--to-hf-cache")
    #expect(own.status == 8, "\(own.errors)")
  }
}
