// SPDX-License-Identifier: Apache-2.0
// Several endpoints: what one cannot do another does, from the same byte on, and the token stays at home.

import Basics
import Hub
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct MirrorTests {
  private static let files = [
    LoopbackFile("config.json", "{}"), LoopbackFile.large("model.safetensors", byteCount: 2_000_000),
  ]

  private static let rangeByteCount = 128 << 10
  /// Five ranges, and the beginnings of four.
  private static let begunByteCount = 2 + 5 * rangeByteCount + 4 * 40_000

  private struct Pair {
    let rig: Rig
    let mirror: LoopbackHub
    let client: HubClient

    init(_ environment: [String: String] = [:]) throws {
      rig = try Rig(MirrorTests.files)
      mirror = try LoopbackHub(MirrorTests.files)
      var settings = try rig.settings(environment)
      settings.mirrors = [try HubSettings.address(mirror.endpoint, name: "the mirror")]
      client = try rig.client(settings)
    }

    /// Bytes of the weights that the mirror was asked for.
    func asked() -> Int { mirror.asked(of: 2_000_000).count }
  }

  @Test("an endpoint that works is the only one asked") func first() async throws {
    let pair = try Pair()
    try await pair.rig.pull(pair.client)
    #expect(try pair.rig.isComplete())
    #expect(pair.mirror.records.isEmpty)
  }

  @Test(
    "an endpoint that is down, is no hub or knows nothing is replaced",
    arguments: ["down", "not a hub", "absent", "limits"])
  func replaced(kind: String) async throws {
    let pair = try Pair()
    switch kind {
    case "down": pair.rig.hub.stop()
    case "not a hub": pair.rig.hub.order(Fault(.info, .webPage, times: nil))
    case "absent": pair.rig.hub.state.withLock { $0.repository = "org/other" }
    default: pair.rig.hub.order(Fault(.info, .status(429, [("Retry-After", "600")]), times: nil))
    }
    try await pair.rig.pull(pair.client)
    #expect(try pair.rig.isComplete())
    #expect(pair.mirror.records.contains { $0.place == .info })
    // An endpoint that still has the files brings them.
    #expect(pair.asked() == (["down", "absent"].contains(kind) ? 2_000_000 : 0))
  }

  @Test(
    "in mid-file the mirror goes on at the same byte",
    arguments: [
      Fault.Action.cut(after: 10_000), .status(404), .status(500), .status(403, body: "quota"),
      .status(429, [("Retry-After", "600")]),
    ])
  func midFile(action: Fault.Action) async throws {
    let pair = try Pair()
    // The endpoint brings its first ranges. All connections are within the next ones when it begins to fail.
    pair.rig.hub.order(Fault(.cdn, .none, times: 5), Fault(.cdn, .hold(after: 40_000), times: 4))
    let pull = Task { try await pair.rig.pull(pair.client) }
    try await eventually { pair.rig.hub.heldCount == 4 && pair.rig.progress?.landedByteCount == Self.begunByteCount }
    pair.rig.hub.order(Fault(.cdn, action, times: nil))
    pair.rig.hub.release()
    _ = try await pull.value
    #expect(try pair.rig.isComplete())
    // Nothing of those nine ranges is asked for again; of the others the endpoint may have brought what it did not cut off.
    let rest = 2_000_000 - 9 * Self.rangeByteCount
    if case .cut = action { #expect((1...rest).contains(pair.asked())) } else { #expect(pair.asked() == rest) }
    #expect(pair.rig.progress?.receivedByteCount == 2_000_000 + 2)
  }

  @Test("an endpoint that always sends wrong bytes is replaced for the second copy") func wrongBytes() async throws {
    let pair = try Pair()
    pair.rig.hub.order(Fault(.cdn, .flip(at: 100), times: nil))
    try await pair.rig.pull(pair.client)
    #expect(try pair.rig.isComplete())
    #expect(pair.mirror.asked(of: 2_000_000).contains(100))
  }

  @Test("when all fail, the endpoint's own failure is told") func allFail() async throws {
    let pair = try Pair()
    pair.rig.hub.order(Fault(.info, .status(500, body: "first"), times: nil))
    pair.mirror.order(Fault(.info, .status(403, body: "second"), times: nil))
    let problem = await pair.rig.problem(pair.client)
    #expect(problem?.code == "hub.server" && problem?.why == "first")
    pair.mirror.stop()
  }

  @Test("the token is shown to the endpoint alone") func token() async throws {
    let pair = try Pair(["HF_TOKEN": "hf_secret"])
    pair.rig.hub.order(Fault(.tree, .status(500), times: nil))
    try await pair.rig.pull(pair.client)
    #expect(pair.rig.hub.records.contains { $0.request.headers["authorization"] == "Bearer hf_secret" })
    #expect(!pair.mirror.records.isEmpty)
    #expect(pair.mirror.records.allSatisfy { $0.request.headers["authorization"] == nil })
  }
}
