// SPDX-License-Identifier: Apache-2.0
// /health, /ready, /metrics and the names of requests: what those see who watch over a server.

import Basics
import Server
import Testing

@Suite("Watching")
struct WatchingTests {
  @Test("sees that the server lives")
  func health() async throws {
    try await withServer { client async throws in
      #expect(try await client.get("/health").json == ["status": "ok"])
      #expect(try await client.send("HEAD", "/health").status == 200)
      #expect(try await client.get("/ready").json == ["status": "ready", "models": []])
    }
  }

  @Test("finds well-formed metrics that count what happened")
  func metrics() async throws {
    let odd = "tiny/\"odd\\name\""
    var source = FixtureModels()
    source.models[0].name = odd
    try await withServer(source) { client in
      let answer = try await client.chat("Hi", ["model": .string(odd)]).json
      _ = try await client.chat("Hi", ["model": .string(odd), "temperature": "hot"])
      let reply = try await client.get("/metrics")
      #expect(reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      let label = "model=\"tiny/\\\"odd\\\\name\\\"\""
      var values: [String: Double] = [:]
      var described: Set<String> = []
      for line in reply.text.split(separator: "\n") {
        if line.hasPrefix("# TYPE ") { described.insert(String(line.split(separator: " ")[2])) }
        guard !line.hasPrefix("#") else { continue }
        let space = try #require(line.lastIndex(of: " "))
        let value = Double(String(line[line.index(after: space)...]))
        let number: Double = try #require(value, "\(line)")
        values[String(line[..<space])] = number
        let name = String(line.prefix { $0 != "{" && $0 != " " })
        let family = ["_bucket", "_sum", "_count"].reduce(name) {
          $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0
        }
        #expect(described.contains(family), "\(line)")
      }
      let prompt = answer["usage"]?["prompt_tokens"]?.doubleValue
      #expect(values["impetus_prompt_tokens_total{\(label)}"] == prompt)
      #expect(values["impetus_generated_tokens_total{\(label)}"] == 24)
      #expect(values["impetus_answers_total{\(label),reason=\"length\"}"] == 1)
      #expect(values["impetus_time_to_first_token_seconds_count{\(label)}"] == 1)
      #expect(values["impetus_time_to_first_token_seconds_bucket{\(label),le=\"+Inf\"}"] == 1)
      #expect(values["impetus_inter_token_seconds_count{\(label)}"] == 1)
      #expect(values["impetus_http_responses_total{status=\"200\"}"] == 1)
      #expect(values["impetus_http_responses_total{status=\"400\"}"] == 1)
      #expect(values["impetus_refusals_total{code=\"invalid_type\"}"] == 1)
      #expect(values["impetus_requests_running{\(label)}"] == 0)
      #expect((values["impetus_kv_cache_tokens{\(label)}"] ?? 0) > 0)
      #expect((values["impetus_steps_total{\(label)}"] ?? 0) >= 24)
    }
  }

  @Test("can follow a request by its name")
  func requestNames() async throws {
    try await withServer { client in
      #expect(try await client.get("/health", ["X-Request-Id": "abc-1"]).headers["x-request-id"] == "abc-1")
      let own = try #require(try await client.get("/health").headers["x-request-id"])
      #expect(own.hasPrefix("req_") && own.utf8.count == 28)
      let long = String(repeating: "x", count: 200)
      #expect(
        try await client.get("/health", ["X-Request-Id": long]).headers["x-request-id"]?.hasPrefix("req_") == true)
      #expect(try await client.get("/nothing", ["X-Request-Id": "abc-2"]).headers["x-request-id"] == "abc-2")
    }
  }
}
