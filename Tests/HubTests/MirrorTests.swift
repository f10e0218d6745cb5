// SPDX-License-Identifier: Apache-2.0
// Several endpoints: what one cannot do another does, from the same byte on, and the token stays at home.

import Basics
import Hub
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct MirrorTests {
  private static let files = [
    LoopbackFile("config.json", "{}"), LoopbackFile.large("model.safetensors", byteCount: 2_000_000),
  ]

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

    func mirrorBytes() -> Int { mirror.sentByteCount(.cdn) }
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
    #expect(pair.mirrorBytes() >= (["down", "absent"].contains(kind) ? 2_000_000 : 0))
  }

  @Test(
    "in mid-file the mirror goes on at the same byte",
    arguments: [
      Fault.Action.cut(after: 10_000), .status(404), .status(500), .status(403, body: "quota"),
      .status(429, [("Retry-After", "600")]),
    ])
  func midFile(action: Fault.Action) async throws {
    let pair = try Pair()
    pair.rig.hub.order(Fault(.cdn, .throttle(2_000_000), times: 6), Fault(.cdn, action, times: nil))
    try await pair.rig.pull(pair.client)
    #expect(try pair.rig.isComplete())
    // On a busy machine nothing of what the endpoint began may have come before it was given up; twice nothing comes.
    #expect(pair.mirrorBytes() > 0 && pair.mirrorBytes() <= 2_000_000)
  }

  @Test("an endpoint that always sends wrong bytes is replaced for the second copy") func wrongBytes() async throws {
    let pair = try Pair()
    pair.rig.hub.order(Fault(.cdn, .flip(at: 100), times: nil))
    try await pair.rig.pull(pair.client)
    #expect(try pair.rig.isComplete())
    #expect(pair.mirrorBytes() >= 2_000_000)
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
