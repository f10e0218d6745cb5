// SPDX-License-Identifier: Apache-2.0
// An encoder against the outputs stored beside it, alone and among texts of other lengths.

import Basics
import Checkpoints
import Glibc
import Inference
import Models
import Support
import Tensors
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

  /// DistilBERT's names of BERT's tensors.
  private static func distilled(_ name: String) -> String {
    let names = [
      ("encoder.layer.", "transformer.layer."), ("attention.self.query", "attention.q_lin"),
      ("attention.self.key", "attention.k_lin"), ("attention.self.value", "attention.v_lin"),
      ("attention.output.dense", "attention.out_lin"), ("attention.output.LayerNorm", "sa_layer_norm"),
      ("intermediate.dense", "ffn.lin1"), (".output.dense", ".ffn.lin2"), (".output.LayerNorm", ".output_layer_norm"),
    ]
    return names.reduce("distilbert.\(name)") { $0.replacing($1.0, with: $1.1) }
  }

  @Test("DistilBERT is BERT with other names, without types of tokens and a pooler") func distilbert() throws {
    let bert = try openCheckpoint(folder: Fixtures.url("models/bert"))
    let type = try bert.require("embeddings.token_type_embeddings.weight").floats()
    let tensors = try bert.names.filter { !$0.contains("token_type") && !$0.contains("pooler") }.map { name in
      let view = try bert.require(name)
      var values = try view.floats()
      // Every token is of the first type: its row may as well be added to the positions.
      if name.contains("position_embeddings") { for place in values.indices { values[place] += type[place % 64] } }
      return (name: Self.distilled(name), shape: view.shape.dimensions, values: values)
    }
    let folder = try TemporaryFolder()
    try folder.write(SafetensorsBuilder.floats(tensors), to: "model.safetensors")
    let config: JSONValue = [
      "model_type": "distilbert", "dim": 64, "n_heads": 4, "n_layers": 2, "hidden_dim": 112, "vocab_size": 320,
      "max_position_embeddings": 112, "activation": "gelu",
    ]
    try folder.write(JSONWriter.string(config), to: "config.json")
    let options = LoadedModel.Options(precise: true, threads: 2)
    var distilled = try EncoderForward(try EncoderModel.load(folder: folder.path, options: options))
    var whole = try EncoderForward(try model())
    let text = EncoderText(tokens: (0..<90).map { $0 * 7 % 320 })
    let (got, expected) = (Array(try distilled.encode([text])), Array(try whole.encode([text])))
    #expect(got.count == expected.count && zip(got, expected).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test("a Dense step behind the pooling is a product, in its place") func dense() throws {
    func vector(_ config: JSONValue, _ tensors: [(name: String, shape: [Int], values: [Float])]) throws -> [Float] {
      let folder = try TemporaryFolder()
      for name in ["config.json", "model.safetensors"] {
        try folder.write(try Fixtures.bytes("models/bert/\(name)"), to: name)
      }
      let modules: JSONValue = [
        ["type": "sentence_transformers.models.Transformer", "path": ""],
        ["type": "sentence_transformers.models.Pooling", "path": "1_Pooling"],
        ["type": "sentence_transformers.models.Dense", "path": "2_Dense"],
        ["type": "sentence_transformers.models.Normalize", "path": "3_Normalize"],
      ]
      try folder.write(JSONWriter.string(modules), to: "modules.json")
      try folder.write("{}", to: "1_Pooling/config.json")
      try folder.write(JSONWriter.string(config), to: "2_Dense/config.json")
      try folder.write(SafetensorsBuilder.floats(tensors), to: "2_Dense/model.safetensors")
      var debug = try DebugEncode(try EncoderModel.load(folder: folder.path, options: .init(precise: true, threads: 1)))
      let answer = try debug.answer(["tokens": [1, 2, 3]])
      mean = numbers(answer["mean_pooled"])
      return numbers(answer["embedding"]).map { Float($0) }
    }
    var mean: [Double] = []
    let weights = (0..<128).map { Float($0 % 5) - 2 }
    let tensors = [
      (name: "linear.weight", shape: [2, 64], values: weights),
      (name: "linear.bias", shape: [2], values: [0.25, -0.5]),
    ]
    let tanh: JSONValue = ["in_features": 64, "out_features": 2]
    let found = try vector(tanh, tensors)
    let sums = (0..<2).map { row in
      Glibc.tanh((0..<64).reduce([0.25, -0.5][row]) { $0 + Double(weights[row * 64 + $1]) * mean[$1] })
    }
    let length = (sums[0] * sums[0] + sums[1] * sums[1]).squareRoot()
    #expect(found.count == 2 && zip(found, sums).allSatisfy { abs(Double($0) - $1 / length) < 1e-6 })
    for config in [
      ["in_features": 32, "out_features": 2], ["in_features": 64, "out_features": 3],
      ["in_features": 64, "out_features": 2, "activation_function": "torch.nn.modules.activation.GELU"],
      ["in_features": 64, "out_features": 2, "use_residual": true],
      ["in_features": 64, "out_features": 2, "module_input_name": "token_embeddings"], ["in_features": 64],
      ["in_features": 1_073_741_824, "out_features": 1_073_741_824], .null,
    ] as [JSONValue] {
      #expect(throws: ModelProblem.self, "\(config)") { _ = try vector(config, tensors) }
    }
  }

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
    func prompts(_ content: JSONValue, _ config: JSONValue = [:]) throws -> Pooling {
      try pooling(["modules.json": Self.modules, settings: content, "1_Pooling/config.json": config])
    }
    #expect(try prompts(named).prompt(nil) == "Represent this: ")
    #expect(try prompts(named).prompt("document") == "")
    #expect(throws: ModelProblem.noPrompt(name: "x", known: ["document", "query"])) { try prompts(named).prompt("x") }
    #expect(try prompts(["default_prompt_name": .null]).prompt(nil) == "")
    #expect(throws: ModelProblem.self) { try prompts(["default_prompt_name": "query"]) }
    #expect(throws: ModelProblem.self) { try prompts(named, ["include_prompt": false]) }
    #expect(throws: ModelProblem.self) { try pooling(["modules.json": Self.modules]) }
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
