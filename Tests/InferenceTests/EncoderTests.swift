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

  /// A copy of the encoder with other files of sentence-transformers beside it.
  private func pooling(_ files: [String: JSONValue]) throws -> Pooling {
    let folder = try TemporaryFolder()
    for name in ["config.json", "model.safetensors"] {
      try folder.write(try Fixtures.bytes("models/bert/\(name)"), to: name)
    }
    for (name, content) in files { try folder.write(JSONWriter.string(content), to: name) }
    return try EncoderSnapshot.open(folder.path).pooling
  }

  private static let modules: JSONValue = [
    ["type": "sentence_transformers.base.modules.transformer.Transformer", "path": ""],
    ["type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling", "path": "1_Pooling"],
  ]

  @Test("how tokens are joined is read as versions 2 to 5 of sentence-transformers write it, and as version 6 does")
  func poolingFiles() throws {
    func modes(_ config: JSONValue) throws -> [Pooling.Mode] {
      try pooling(["modules.json": Self.modules, "1_Pooling/config.json": config]).modes
    }
    #expect(try modes(["pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false]) == [.first])
    #expect(try modes(["pooling_mode": "cls", "include_prompt": true]) == [.first])
    #expect(try modes(["pooling_mode": ["mean", "lasttoken"]]) == [.mean, .last])
    #expect(try modes(["embedding_dimension": 64]) == [.mean])
    for unknown in ["weightedmean", "attention"] as [JSONValue] {
      #expect(throws: ModelProblem.self) { try modes(["pooling_mode": unknown]) }
    }
    #expect(throws: ModelProblem.self) { try modes(["pooling_mode_weightedmean_tokens": true]) }
  }

  @Test("the longest text and what stands before a text are read where they are written")
  func poolingSettings() throws {
    #expect(try pooling([:]).longest == nil)
    #expect(try pooling(["tokenizer_config.json": ["model_max_length": 64]]).longest == 64)
    #expect(try pooling(["tokenizer_config.json": ["model_max_length": 1e30]]).longest == nil)
    let both: [String: JSONValue] = [
      "sentence_bert_config.json": ["max_seq_length": 32], "tokenizer_config.json": ["model_max_length": 64],
    ]
    #expect(try pooling(both).longest == 32)
    let named: JSONValue = ["default_prompt_name": "query", "prompts": ["query": "Represent this: ", "document": ""]]
    let settings = "config_sentence_transformers.json"
    #expect(try pooling(["modules.json": Self.modules, settings: named]).prompt == "Represent this: ")
    #expect(try pooling(["modules.json": Self.modules, settings: ["default_prompt_name": .null]]).prompt == "")
    let (lost, left): (JSONValue, JSONValue) = (["default_prompt_name": "query"], ["include_prompt": false])
    #expect(throws: ModelProblem.self) { try pooling(["modules.json": Self.modules, settings: lost]) }
    #expect(throws: ModelProblem.self) {
      try pooling(["modules.json": Self.modules, settings: named, "1_Pooling/config.json": left])
    }
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
