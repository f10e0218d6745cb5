// SPDX-License-Identifier: Apache-2.0
// Answers in pieces: the same text as whole answers, in well-formed events.

import Basics
import Inference
import Server
import Testing

/// Text, log probabilities and end of one choice, put together from its chunks.
private struct Streamed {
  var text = ""
  var scores: [JSONValue] = []
  var finishReasons: [String] = []
  var roles = 0

  init(chat events: [JSONValue], choice: Int = 0) {
    for event in events {
      for entry in event["choices"]?.arrayValue ?? [] where entry["index"]?.intValue == choice {
        text += entry["delta"]?["content"]?.stringValue ?? ""
        if entry["delta"]?["role"] == "assistant" { roles += 1 }
        scores += entry["logprobs"]?["content"]?.arrayValue ?? []
        if let reason = entry["finish_reason"]?.stringValue { finishReasons.append(reason) }
      }
    }
  }
}

@Suite("Streams")
struct StreamTests {
  static let cases: [JSONObject] = [
    [:],
    ["temperature": 1, "seed": 11],
    ["temperature": 0.8, "seed": 3, "top_p": 0.9, "top_k": 40, "min_p": 0.01, "repetition_penalty": 1.1],
    ["temperature": 1, "seed": 5, "frequency_penalty": 0.5, "presence_penalty": 0.5, "max_tokens": 60],
    ["logprobs": true, "top_logprobs": 2],
  ]

  @Test("say in pieces what the whole answer says", arguments: cases)
  func same(fields: JSONObject) async throws {
    try await withServer { client in
      let whole = try await client.chat("Tell me", fields).json
      var streaming = fields
      streaming["stream"] = true
      let events = try await client.chat("Tell me", streaming).events
      let streamed = Streamed(chat: events)
      #expect(streamed.text == whole.message())
      #expect(streamed.finishReasons == [whole.finishReason()])
      #expect(streamed.roles == 1)
      #expect(events.first?["choices"]?[0]?["delta"]?["role"] == "assistant")
      #expect(streamed.scores == whole["choices"]?[0]?["logprobs"]?["content"]?.arrayValue ?? [])
      #expect(Set(events.map { $0["id"]?.stringValue }).count == 1)
      #expect(events.allSatisfy { $0["object"] == "chat.completion.chunk" && $0["model"] == "tiny/llama" })
      #expect(events.allSatisfy { $0["usage"] == nil && $0["choices"]?.arrayValue?.count == 1 })
      #expect(events.count > 10)
    }
  }

  @Test("let go of text that only begins a stop string, and keep nothing of one that is there")
  func stops() async throws {
    try await withServer { client in
      let plain = try #require(try await client.chat().json.message())
      let held: JSONObject = ["stop": .string(String(plain.suffix(2)) + "and more"), "stream": true]
      #expect(Streamed(chat: try await client.chat("Say something.", held).events).text == plain)
      let stop = String(Array(plain)[8..<11])
      let stopped = Streamed(
        chat: try await client.chat("Say something.", ["stop": .string(stop), "stream": true]).events)
      #expect(stopped.text == plain.components(separatedBy: stop).first)
      #expect(stopped.finishReasons == ["stop"])
    }
  }

  @Test("count tokens in a last chunk of its own when asked to")
  func usage() async throws {
    try await withServer { client in
      let whole = try await client.chat().json
      let fields: JSONObject = ["stream": true, "stream_options": ["include_usage": true]]
      let events = try await client.chat("Say something.", fields).events
      let last = try #require(events.last)
      #expect(last["choices"] == [])
      for key in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        #expect(last["usage"]?[key] != nil && last["usage"]?[key] == whole["usage"]?[key])
      }
      #expect(events.dropLast().allSatisfy { $0["usage"] == .null })
    }
  }

  @Test("carry several choices, each with its own beginning and end")
  func choices() async throws {
    try await withServer { client in
      let fields: JSONObject = ["temperature": 1, "seed": 21, "n": 3]
      let whole = try await client.chat("Hi", fields).json
      var streaming = fields
      streaming["stream"] = true
      let events = try await client.chat("Hi", streaming).events
      for choice in 0..<3 {
        let streamed = Streamed(chat: events, choice: choice)
        #expect(streamed.text == whole.message(choice))
        #expect(streamed.finishReasons == ["length"])
        #expect(streamed.roles == 1)
      }
    }
  }

  @Test("begin before the answer is over")
  func early() async throws {
    try await withServer(try FixtureModels.unending()) { client in
      let answer = try await client.begin(["max_tokens": .null])
      #expect(try await client.metric("impetus_requests_running") == 1)
      answer.leave()
    }
  }

  @Test("tell proxies and browsers to pass them on as they come")
  func headers() async throws {
    try await withServer { client in
      let reply = try await client.chat("Hi", ["stream": true, "max_tokens": 2])
      #expect(reply.headers["cache-control"] == "no-cache")
      #expect(reply.headers["x-accel-buffering"] == "no")
      #expect(reply.headers["transfer-encoding"] == "chunked")
    }
  }
}
