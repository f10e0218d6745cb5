// SPDX-License-Identifier: Apache-2.0
// An encoder against the outputs stored beside it, alone and among texts of other lengths.

import Basics
import Inference
import Models
import Support
import Testing

@Suite struct EncoderTests {
  private func model(threads: Int = 2) throws -> EncoderModel {
    try EncoderModel.load(folder: Fixtures.url("models/bert"), options: .init(precise: true, threads: threads))
  }

  @Test("states and pooled vectors are the reference's") func parity() throws {
    var debug = try DebugEncode(try model())
    let reference = try JSONReader.parse(try Fixtures.bytes("models/bert/reference.json"))
    for name in ["short", "long"] {
      let text = try #require(reference["sequences"]?[name])
      let answer = try debug.answer([
        "tokens": try #require(text["input_ids"]), "token_type_ids": try #require(text["token_type_ids"]),
      ])
      let keys = [
        ("last_hidden_state_first", "last_hidden_state_first"), ("last_hidden_state_last", "last_hidden_state_last"),
        ("mean_pooled", "mean_pooled"), ("cls_normalized", "cls_normalized"), ("pooler_output", "pooler_output"),
        ("embedding", "mean_pooled_normalized"),
      ]
      for (own, theirs) in keys {
        let (got, expected) = (numbers(answer[own]), numbers(text[theirs]))
        #expect(got.count == expected.count && !got.isEmpty)
        let worst = zip(got, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(worst < 2e-4, "\(name): \(own) is off by \(worst)")
      }
    }
  }

  @Test("a text's states are the same alone and among others", arguments: 1...3) func batches(_ threads: Int) throws {
    let texts = [70, 3, 1, 100, 64].map { count in EncoderText(tokens: (0..<Int32(count)).map { $0 * 7 % 320 }) }
    var forward = try EncoderForward(try model(threads: threads))
    let together = Array(try forward.encode(texts))
    var alone: [Float] = []
    for text in texts { alone += Array(try forward.encode([text])) }
    #expect(together == alone)
  }

  @Test("texts that cannot be read are refused") func refusals() throws {
    var forward = try EncoderForward(try model())
    for tokens in [[], [-1], [320], Array(repeating: 1, count: 113)] as [[Int32]] {
      #expect(throws: InferenceProblem.self) { _ = try forward.encode([EncoderText(tokens: tokens)]) }
    }
    #expect(throws: InferenceProblem.self) { _ = try forward.encode([EncoderText(tokens: [1], types: [2])]) }
  }

  @Test("an encoder is not run as a model that writes text") func notADecoder() throws {
    #expect(throws: ModelProblem.encoder(name: "bert")) {
      _ = try LoadedModel.load(folder: Fixtures.url("models/bert"))
    }
  }

  private func numbers(_ json: JSONValue?) -> [Double] { json?.arrayValue?.compactMap(\.doubleValue) ?? [] }
}

@Suite struct RecurrentTests {
  @Test("a sequence with a state is shortened only to nothing, and starts from zeros then") func truncation() throws {
    let options = LoadedModel.Options(precise: true, threads: 1, sequences: 1)
    var forward = try Forward(try LoadedModel.load(folder: Fixtures.url("models/qwen3_next"), options: options))
    let sequence = try forward.makeSequence()
    var batch = StepBatch()
    batch.add(sequence, tokens: [1, 2, 3, 4], wanted: .last)
    try forward.step(&batch)
    let first = Array(batch.logits(ofEntry: 0))
    let (canTruncate, longer) = (forward.canTruncate, forward.truncate(sequence, to: 9))
    #expect(!canTruncate)
    #expect(longer == 4)
    let shorter = forward.truncate(sequence, to: 2)
    #expect(shorter == 0)
    batch.removeAll()
    batch.add(sequence, tokens: [1, 2, 3, 4], wanted: .last)
    try forward.step(&batch)
    #expect(Array(batch.logits(ofEntry: 0)) == first)
  }
}
