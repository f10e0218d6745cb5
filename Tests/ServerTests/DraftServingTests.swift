// SPDX-License-Identifier: Apache-2.0
// A server whose models another one writes ahead for: the same texts, and guesses that are counted.

import Basics
import Inference
import Server
import Support
import Testing

@Suite("A draft model beside served ones")
struct DraftServingTests {
  private static let draft = Fixtures.url("models/llama-mlx-q4-g64")

  /// What a model says, and how many tokens were guessed for it.
  private func answer(_ name: String, _ settle: (inout ServerConfiguration) -> Void) async throws -> (String?, Int) {
    var result: (String?, Int) = (nil, 0)
    try await withServer(FixtureModels(["llama", "llama-mlx-q4-g64"]), settle) { client in
      let answer = try await client.chat("Hi", ["model": .string("tiny/\(name)"), "max_tokens": 60]).json
      let counts = answer["usage"]?["completion_tokens_details"]
      let guessed = ["accepted_prediction_tokens", "rejected_prediction_tokens"]
        .reduce(0) { $0 + (counts?[$1]?.intValue ?? 0) }
      let metric = try await client.metric("impetus_drafted_tokens_total{model=\"tiny/\(name)\"}")
      #expect(metric == Double(guessed), "\(name)")
      result = (answer.message(), guessed)
    }
    return result
  }

  @Test("writes ahead for the others of its vocabulary, with the texts they give without it")
  func sameTexts() async throws {
    for name in ["llama", "llama-mlx-q4-g64"] {
      let (plain, none) = try await answer(name) { $0.sessionOptions.speculation = .off }
      let (looked, fewer) = try await answer(name) { $0.sessionOptions.speculation = .always }
      let (drafted, more) = try await answer(name) {
        $0.draftFolder = Self.draft
        $0.sessionOptions.speculation = .always
      }
      #expect(looked == plain && drafted == plain, "\(name)")
      #expect(none == 0)
      // The draft model itself has only its own past to guess from.
      if name == "llama" { #expect(more > 60 && more > fewer) } else { #expect(more == fewer) }
    }
  }

  @Test("counts as memory of each model it writes for") func memory() async throws {
    let bytes = { (name: String) in try Files.byteCount(Fixtures.url("models/\(name)/model.safetensors")) }
    let (own, draft) = (try bytes("llama"), try bytes("llama-mlx-q4-g64"))
    for (budget, fits) in [(own + draft, true), (own + draft - 1, false)] {
      try await withServer(
        FixtureModels(["llama"]),
        {
          $0.draftFolder = Self.draft
          $0.modelByteBudget = budget
        }
      ) { client in
        let reply = try await client.chat("Hi", ["model": "tiny/llama"])
        #expect((reply.status == 200) == fits, "\(budget): \(reply.status)")
      }
    }
  }
}
