// SPDX-License-Identifier: Apache-2.0
// POST /v1/completions: prompts of all kinds, echo, scores of prompts.

import Basics
import Testing

@Suite("Completions")
struct CompletionTests {
  @Test("continue a text by sixteen tokens unless told otherwise")
  func shape() async throws {
    try await withServer { client in
      let answer = try await client.complete().json
      #expect(answer["object"] == "text_completion")
      #expect(answer["id"]?.stringValue?.hasPrefix("cmpl-") == true)
      #expect(answer.text()?.isEmpty == false)
      #expect(answer.finishReason() == "length")
      #expect(answer["choices"]?[0]?["logprobs"] == .null)
      #expect(answer["usage"]?["completion_tokens"] == 16)
    }
  }

  @Test("take tokens as prompts, and several prompts at once")
  func prompts() async throws {
    try await withServer { client in
      let alone = try await client.complete("Once upon").json
      let tokens = try await client.post("/tokenize", ["model": "llama", "prompt": "Once upon"]).json["tokens"]
      let numbers = try #require(tokens)
      #expect(try await client.complete(numbers).json.text() == alone.text())
      let other = try await client.complete("In the end").json
      let both = try await client.complete(["In the end", "Once upon"]).json
      #expect(both.text(0) == other.text())
      #expect(both.text(1) == alone.text())
      #expect(both["usage"]?["completion_tokens"] == 32)
      let sum = (alone["usage"]?["prompt_tokens"]?.intValue ?? 0) + (other["usage"]?["prompt_tokens"]?.intValue ?? 0)
      #expect(both["usage"]?["prompt_tokens"]?.intValue == sum)
      #expect(try await client.complete([numbers, numbers]).json.text(1) == alone.text())
    }
  }

  @Test("number the choices prompt by prompt")
  func choices() async throws {
    try await withServer { client in
      let fields: JSONObject = ["temperature": 1, "seed": 2, "n": 2]
      let answer = try await client.complete(["Once upon", "In the end"], fields).json
      #expect(answer["choices"]?.arrayValue?.compactMap { $0["index"]?.intValue } == [0, 1, 2, 3])
      let second = try await client.complete("In the end", fields).json
      #expect(answer.text(2) == second.text(0))
      #expect(answer.text(3) == second.text(1))
      #expect(answer.text(2) != answer.text(3))
    }
  }

  @Test("give the prompt back before the answer, and score its tokens")
  func echo() async throws {
    try await withServer { client in
      let prompt = "Once upon a time"
      let plain = try await client.complete(.string(prompt)).json
      let echoed = try await client.complete(.string(prompt), ["echo": true]).json
      #expect(echoed.text() == prompt + (plain.text() ?? "?"))
      let count = try #require(plain["usage"]?["prompt_tokens"]?.intValue)
      // What evaluation harnesses ask: score a text, write nothing.
      let scored = try await client.complete(.string(prompt), ["echo": true, "max_tokens": 0, "logprobs": 2]).json
      #expect(scored.text() == prompt)
      #expect(scored["usage"]?["completion_tokens"] == 0)
      let scores = try #require(scored["choices"]?[0]?["logprobs"])
      let values = try #require(scores["token_logprobs"]?.arrayValue)
      #expect(values.count == count)
      #expect(values.first == .null)
      #expect(values.dropFirst().allSatisfy { ($0.doubleValue ?? 1) <= 0 })
      #expect(scores["tokens"]?.arrayValue?.compactMap { $0.stringValue }.joined() == prompt)
      #expect(scores["top_logprobs"]?[1]?.objectValue.map { $0.count >= 2 } == true)
      let offsets = (scores["text_offset"]?.arrayValue ?? []).compactMap(\.intValue)
      #expect(offsets.first == 0)
      #expect(offsets == offsets.sorted())
      // A text scored as a prompt has the scores it had as an answer.
      let answered = try await client.complete(.string(prompt), ["logprobs": 0, "max_tokens": 1, "echo": true]).json
      let all = answered["choices"]?[0]?["logprobs"]?["token_logprobs"]?.arrayValue
      #expect(all?.dropLast() == values[...])
      #expect(all?.last?.doubleValue != nil)
    }
  }

  @Test("say in pieces what the whole answer says, echo and scores too")
  func streams() async throws {
    try await withServer { client in
      let fields: JSONObject = ["echo": true, "logprobs": 1, "n": 2, "temperature": 1, "seed": 4]
      let whole = try await client.complete("Zwölf Bäume", fields).json
      var streaming = fields
      streaming["stream"] = true
      let events = try await client.complete("Zwölf Bäume", streaming).events
      for choice in 0..<2 {
        let chunks = events.compactMap { $0["choices"]?[0] }.filter { $0["index"]?.intValue == choice }
        #expect(chunks.compactMap { $0["text"]?.stringValue }.joined() == whole.text(choice))
        #expect(chunks.compactMap { $0["finish_reason"]?.stringValue } == ["length"])
        for key in ["tokens", "token_logprobs", "text_offset", "top_logprobs"] {
          let pieces = chunks.flatMap { $0["logprobs"]?[key]?.arrayValue ?? [] }
          #expect(pieces == whole["choices"]?[choice]?["logprobs"]?[key]?.arrayValue, "\(key)")
          #expect(!pieces.isEmpty)
        }
      }
    }
  }

  @Test("translate between texts and tokens")
  func tokenize() async throws {
    try await withServer { client in
      for text in ["Hello, world", "Zwölf Bäume 🌳", ""] {
        let tokens = try #require(
          try await client.post("/tokenize", ["model": "llama", "prompt": .string(text)]).json["tokens"])
        let back = try await client.post("/detokenize", ["model": "llama", "tokens": tokens]).json
        #expect(back["prompt"]?.stringValue == text)
      }
      let special: JSONObject = ["model": "llama", "prompt": "<|im_end|>"]
      #expect(try await client.post("/tokenize", .object(special)).json["tokens"] == [2])
      var plain = special
      plain["parse_special"] = false
      #expect((try await client.post("/tokenize", .object(plain)).json["count"]?.intValue ?? 0) > 1)
    }
  }
}
