// SPDX-License-Identifier: Apache-2.0
// Many clients at once: each hears what it would hear alone, and the queue has an end.

import Basics
import Inference
import Server
import Support
import Testing

@Suite("Clients at once")
struct ParallelTests {
  /// Requests of all kinds, each with its own seed and length.
  static func fields(_ index: Int) -> JSONObject {
    var fields: JSONObject = ["max_tokens": JSONValue(10 + index % 17), "seed": JSONValue(index)]
    if index % 3 != 0 { fields["temperature"] = 1 }
    if index % 4 == 1 { fields["repetition_penalty"] = 1.2 }
    return fields
  }

  @Test("hear the same text as alone, sixty-four streams of them, and leave nothing behind")
  func streams() async throws {
    try await withServer { client in
      var alone: [String?] = []
      for index in 0..<16 {
        alone.append(try await client.chat("Number \(index)", Self.fields(index)).json.message())
      }
      #expect(Set(alone).count > 8)
      let heard = try await withThrowingTaskGroup(of: (Int, String).self) { group in
        for index in 0..<64 {
          group.addTask {
            var fields = Self.fields(index % 16)
            fields["stream"] = true
            let events = try await client.chat("Number \(index % 16)", fields).events
            let text = events.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.stringValue }.joined()
            return (index, text)
          }
        }
        return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
      }
      for index in 0..<64 { #expect(heard[index] == alone[index % 16], "stream \(index)") }
      try await client.untilIdle()
      #expect(try await client.metric("impetus_answers_total{model=\"tiny/llama\",reason=\"length\"}") == 80)
      try await eventually { try await client.metric("impetus_connections") == 1 }
    }
  }

  @Test("are told to wait when too many wait already")
  func queue() async throws {
    try await withServer(FixtureModels()) {
      $0.sessionOptions.running = 1
      $0.sessionOptions.waiting = 2
    } _: { client in
      let refused = try await client.chat("Hi", ["n": 3])
      #expect(refused.status == 429)
      #expect(refused.headers["retry-after"] == "1")
      #expect(try refused.json["error"]?["type"] == "rate_limit_error")
      #expect(try refused.json["error"]?["code"] == "queue_full")
      #expect(try await client.chat("Hi", ["n": 2]).status == 200)
    }
  }

  @Test("share the beginnings of prompts, and see it in the counts")
  func prefixes() async throws {
    try await withServer { client in
      let long = String(repeating: "the same words again ", count: 30)
      let first = try await client.chat(long).json
      #expect(first["usage"]?["prompt_tokens_details"]?["cached_tokens"] == 0)
      let second = try await client.chat(long).json
      #expect((second["usage"]?["prompt_tokens_details"]?["cached_tokens"]?.intValue ?? 0) > 300)
      #expect(second.message() == first.message())
    }
  }
}
