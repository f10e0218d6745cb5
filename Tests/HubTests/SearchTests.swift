// SPDX-License-Identifier: Apache-2.0
// Searching: what is asked for, and what of the answer is believed.

import Basics
import Hub
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct SearchTests {
  private static let rows: [JSONValue] = [
    [
      "id": "org/small", "downloads": 1000, "likes": 3, "gated": false, "lastModified": "2026-01-02T03:04:05.000Z",
      "pipeline_tag": "text-generation", "tags": ["safetensors", "license:mit"], "config": ["model_type": "llama"],
      "safetensors": ["parameters": ["BF16": 1_000_000, "F32": 1000], "total": 1_001_000],
    ],
    ["id": "org/large", "gated": "manual", "safetensors": ["parameters": ["F4_ODD": 7], "total": 70_000_000_000]],
    ["id": "org/quantized", "gguf": ["total": 5_000_000]],
    ["id": "../../etc/passwd"], ["name": "none"], 7,
  ]

  @Test("the facts of a row, where they are there and can be") func facts() async throws {
    let rig = try Rig([])
    rig.hub.state.withLock { $0.found = Self.rows }
    let found = try await rig.client().search(ModelSearch(text: "x"), limit: 10)
    #expect(found.map(\.repository.description) == ["org/small", "org/large", "org/quantized"])
    let small = try #require(found.first)
    #expect(small.parameterCount == 1_001_000 && small.weightByteCount == 2_004_000)
    #expect(small.license == "mit" && small.modelType == "llama" && !small.isGated && small.downloads == 1000)
    #expect(found[1].isGated && found[1].weightByteCount == nil && found[1].parameterCount == 70_000_000_000)
    #expect(found[2].parameterCount == 5_000_000 && found[2].license == nil)
  }

  @Test("words and filters are asked for, encoded") func question() async throws {
    let rig = try Rig([])
    let search = ModelSearch(
      text: "a&b", author: "org", filters: ["mlx", "license:mit"], task: "text-generation", order: .trending,
      parameterLimit: 8_000_000_000)
    _ = try await rig.client().search(search, limit: 5)
    let query = try #require(rig.hub.records.first).request.query
    for item in [
      "search=a%26b", "author=org", "filter=mlx", "filter=license%3Amit", "pipeline_tag=text-generation",
      "sort=trendingScore", "num_parameters=max%3A8000M", "limit=20", "expand=safetensors",
    ] { #expect(query.contains(item), "\(item)") }
  }

  @Test("pages are followed until enough is found, and no further") func pages() async throws {
    let rig = try Rig([])
    rig.hub.state.withLock { state in
      state.found = (0..<200).map { ["id": .string("org/m\($0)"), "downloads": JSONValue($0)] }
      state.pageSize = 10
    }
    let found = try await rig.client().search(ModelSearch(), limit: 3) { ($0.downloads ?? 0) % 9 == 8 }
    #expect(found.map(\.repository.name) == ["m8", "m17", "m26"])
    #expect(rig.hub.records.count == 3)
    let none = try await rig.client().search(ModelSearch(), limit: 3) { _ in false }
    #expect(none.isEmpty && rig.hub.records.count == 13)
  }

  @Test("what is no list is no hub") func noHub() async throws {
    let rig = try Rig([])
    rig.hub.order(Fault(.search, .status(404), times: 1), Fault(.search, .status(200, body: "{}"), times: 1))
    for _ in 0..<2 {
      let problem = await #expect(throws: HubProblem.self) {
        try await rig.client().search(ModelSearch(text: "x"), limit: 3)
      }
      #expect(problem?.code == "hub.not-a-hub")
    }
  }
}
