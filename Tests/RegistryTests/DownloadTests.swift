// SPDX-License-Identifier: Apache-2.0
// Blobs and manifests on their way in: ranges, damage, and registries that lie.

import Basics
import Hub
import Registry
import Support
import Synchronization
import Testing

/// Collects what arrived.
final class Arrived: Sendable {
  private let found = Mutex<[Digest]>([])
  func add(_ digest: Digest) { found.withLock { $0.append(digest) } }
  var digests: [Digest] { found.withLock { $0 } }
}

@Suite struct DownloadTests {
  @Test(
    "a blob survives what the way does to it",
    arguments: [
      Fault.Action.cut(after: 20_000), .cut(after: 0, reset: true), .ignoreRange, .flip(at: 70_000),
      .wrongContentRange, .status(503), .chunked, .webPage,
    ])
  func survives(action: Fault.Action) async throws {
    let rig = try Rig()
    let bytes = LoopbackFile.noise(300_000, seed: 5)
    let digest = rig.registry.add(bytes, to: "org/model")
    rig.registry.state.withLock { $0.faults = [RegistryFault(.blob, .content(action), times: 2)] }
    #expect(try await download(rig, [(digest, bytes.count)]) == [digest])
    rig.registry.stop()
  }

  @Test("wrong bytes never arrive", arguments: ["flipped", "shorter", "longer", "absent"])
  func refused(kind: String) async throws {
    let rig = try Rig()
    let bytes = LoopbackFile.noise(100_000, seed: 6)
    let digest = Digest.of(bytes)
    rig.registry.add(bytes, to: "org/model")
    rig.registry.state.withLock { state in
      switch kind {
      case "flipped": state.faults = [RegistryFault(.blob, .content(.flip(at: 5)), times: nil)]
      case "shorter": state.contents[digest] = Array(bytes.dropLast())
      case "longer": state.contents[digest] = bytes + [0]
      default: state.blobs = [:]
      }
    }
    await #expect(throws: HubProblem.self) { try await download(rig, [(digest, bytes.count)]) }
    rig.registry.stop()
  }

  @Test("a manifest must be the one that was asked for")
  func manifest() async throws {
    let rig = try Rig()
    let client = try rig.client()
    let bytes = Array("{\"schemaVersion\":2}".utf8)
    try await client.put(manifest: bytes, as: .tag("a"))
    #expect(try await client.manifest(.tag("a")).bytes == bytes)
    #expect(try await client.manifest(.digest(.of(bytes))).digest == .of(bytes))
    #expect(await problem { _ = try await client.manifest(.tag("b")) }?.status == .notFound)
    rig.registry.state.withLock { $0.manifests["org/model@\(Digest.of(bytes))"] = Array("{}".utf8) }
    #expect(await problem { _ = try await client.manifest(.digest(.of(bytes))) }?.code == "registry.wrong-manifest")
    rig.registry.state.withLock { $0.announcedDigest = Digest.of([]).description }
    #expect(await problem { _ = try await client.manifest(.tag("a")) }?.code == "registry.wrong-manifest")
    rig.registry.stop()
  }

  @Test("a manifest without end is not read to its end")
  func largeManifest() async throws {
    let rig = try Rig()
    rig.registry.state.withLock { $0.manifests["org/model:a"] = [UInt8](repeating: 32, count: 17 << 20) }
    #expect(await problem { _ = try await rig.client().manifest(.tag("a")) } != nil)
    rig.registry.stop()
  }
}
