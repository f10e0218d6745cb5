// SPDX-License-Identifier: Apache-2.0
// Every model of Fixtures/models against the outputs stored beside it, in float32: whole prompts, pieces, single tokens.

import Basics
import Checkpoints
import Inference
import Models
import Support
import Tensors
import Testing

@Suite struct ParityTests {
  static let folders = ((try? Files.list(Fixtures.url("models"))) ?? []).filter {
    Files.isFile(Fixtures.url("models/\($0)/reference.json")) && $0 != "bert"
  }

  @Test("there are models to compare with") func any() { #expect(Self.folders.count > 20) }

  @Test("logits and greedy continuations are the reference's", arguments: folders)
  func parity(_ name: String) throws {
    let options = LoadedModel.Options(precise: true, threads: 2, contextLength: 512, sequences: 1, stepTokens: 128)
    let model = try LoadedModel.load(folder: Fixtures.url("models/\(name)"), options: options)
    let reference = try JSONReader.parse(try Fixtures.bytes("models/\(name)/reference.json"))
    let tolerance = reference["tolerance"]?["last_logits_max_abs_fp32"]?.doubleValue ?? 2e-4
    for (label, sequence) in try #require(reference["sequences"]?.objectValue) where label != "batch" {
      for chunk in [0, 1, 7, 32] {
        try compare(model, sequence, chunk: chunk, tolerance: tolerance, "\(name) \(label) chunk \(chunk)")
      }
    }
  }

  @Test(
    "a text model within one that sees computes what it computes alone, wherever its tensors lie",
    arguments: ["language_model.model.", "model.language_model.", "model."])
  func within(_ place: String) throws {
    let alone = Fixtures.url("models/mistral")
    let source = try openCheckpoint(folder: alone)
    let tensors = try source.names.map { name in
      let view = try source.require(name)
      let head = place == "language_model.model." ? "language_model.\(name)" : name
      let renamed = name.hasPrefix("model.") ? place + name.dropFirst(6) : head
      return (name: renamed, shape: view.shape.dimensions, values: try view.floats())
    }
    let sight = (name: "vision_tower.patch_conv.weight", shape: [2, 2], values: [1, 2, 3, 4] as [Float])
    let folder = try TemporaryFolder()
    try folder.write(SafetensorsBuilder.floats(tensors + [sight]), to: "model.safetensors")
    let config: JSONValue = [
      "model_type": "mistral3", "text_config": try JSONReader.parse(try Fixtures.bytes("models/mistral/config.json")),
      // What transformers 5 writes for models that are not tied: the tensors tell.
      "tie_word_embeddings": true,
    ]
    try folder.write(JSONWriter.string(config), to: "config.json")
    let question: JSONValue = ["tokens": .array((0..<70).map { JSONValue($0 * 3 % 290) }), "greedy": 4]
    func answer(_ folder: String) throws -> JSONValue {
      var debug = try DebugForward(try LoadedModel.load(folder: folder, options: .init(precise: true, threads: 1)))
      return try debug.answer(question)
    }
    #expect(try answer(folder.path) == answer(alone))
  }

  private func compare(
    _ model: LoadedModel, _ sequence: JSONValue, chunk: Int, tolerance: Double, _ label: String
  ) throws {
    let tokens = try #require(sequence["input_ids"])
    let greedy = sequence["greedy"]?.arrayValue?.count ?? 0
    var debug = try DebugForward(model, chunk: chunk)
    let answer = try debug.answer(["tokens": tokens, "greedy": JSONValue(greedy)])
    for key in ["last_logits", "max_logit", "logsumexp"] {
      let (got, expected) = (numbers(answer[key]), numbers(sequence[key]))
      #expect(got.count == expected.count, "\(label) \(key)")
      let worst = zip(got, expected).map { abs($0 - $1) }.max() ?? 0
      #expect(worst <= tolerance, "\(label): \(key) is off by \(worst)")
    }
    #expect(answer["greedy"] == sequence["greedy"], "\(label): another continuation")
  }

  private func numbers(_ json: JSONValue?) -> [Double] { json?.arrayValue?.compactMap(\.doubleValue) ?? [] }
}

@Suite struct FastPathTests {
  @Test(
    "a sequence's logits are the same alone, in pieces, among others and on any number of threads",
    arguments: [
      "llama-mlx-q4-g64", "qwen2-tied-mlx-q8-g64", "llama-tied-f32-mlx-q4-g32", "smollm2", "qwen3_next",
      "gpt_oss-mlx-mxfp4-q8", "deepseek_v3-mlx-q4-g32",
    ])
  func batchExact(_ name: String) throws {
    let prompts: [[Int32]] = [[5, 6, 7, 8, 9, 10, 11, 12, 13], [20, 21], [40, 41, 42, 43, 44], [60]]
    let alone = try prompts.map { try logits([$0], name, threads: 1)[0] }
    for threads in 1...3 {
      #expect(try logits(prompts, name, threads: threads) == alone, "\(threads) threads")
    }
    #expect(try inPieces(prompts[0], name) == alone[0])
  }

  @Test(
    "tokens verified together have the logits they have one by one, and what is taken back leaves no trace",
    arguments: [
      "llama-mlx-q4-g64", "qwen2-tied-mlx-q8-g64", "smollm2", "gemma2-sliding", "mistral-sliding",
      "gpt_oss-mlx-mxfp4-q8", "deepseek_v3-mlx-q4-g32", "qwen3_moe-mlx-q4-g32",
    ])
  func verification(_ name: String) throws {
    var forward = try Forward(try load(name, threads: 2))
    let (together, alone) = (try forward.makeSequence(), try forward.makeSequence())
    let prompt = (0..<37).map { Int32(3 + $0 * 7 % 50) }
    var batch = StepBatch()
    for sequence in [together, alone] { batch.add(sequence, tokens: prompt, wanted: .none) }
    try forward.step(&batch)
    for count in [1, 2, 3, 5, 8, 13, 17] {
      let text = (0..<count).map { Int32(60 + $0 * 11 % 90 + count) }
      let wrong = [Int32](repeating: 7, count: count)
      batch.removeAll()
      batch.add(together, tokens: text + wrong, wanted: .all)
      try forward.step(&batch)
      let logits = Array(batch.logits(ofEntry: 0))
      forward.truncate(together, to: forward.length(of: together) - count)
      for (row, token) in text.enumerated() {
        batch.removeAll()
        batch.add(alone, token: token)
        try forward.step(&batch)
        let width = logits.count / (2 * count)
        #expect(Array(batch.logits(ofEntry: 0)) == Array(logits[row * width..<(row + 1) * width]), "\(count), \(row)")
      }
    }
  }

  /// The last logits of prompts computed in one step.
  private func logits(_ prompts: [[Int32]], _ name: String, threads: Int) throws -> [[Float]] {
    var forward = try Forward(try load(name, threads: threads))
    var batch = StepBatch()
    for prompt in prompts { batch.add(try forward.makeSequence(), tokens: prompt, wanted: .last) }
    try forward.step(&batch)
    return prompts.indices.map { Array(batch.logits(ofEntry: $0)) }
  }

  private func inPieces(_ prompt: [Int32], _ name: String) throws -> [Float] {
    var forward = try Forward(try load(name, threads: 2))
    let sequence = try forward.makeSequence()
    var batch = StepBatch()
    for token in prompt {
      batch.removeAll()
      batch.add(sequence, token: token)
      try forward.step(&batch)
    }
    return Array(batch.logits(ofEntry: 0))
  }

  private func load(_ name: String, threads: Int) throws -> LoadedModel {
    try LoadedModel.load(folder: Fixtures.url("models/\(name)"), options: .init(threads: threads, sequences: 4))
  }
}

@Suite struct StepTests {
  private func forward(_ options: LoadedModel.Options) throws -> Forward {
    try Forward(try LoadedModel.load(folder: Fixtures.url("models/llama"), options: options))
  }

  @Test("a model is not opened for more positions than it is computed for") func bound() throws {
    var config = try #require(try JSONReader.parse(try Fixtures.bytes("models/llama/config.json")).objectValue)
    config["model_type"] = "ministral3"
    config["rope_parameters"] = [
      "rope_type": "yarn", "rope_theta": 10000, "factor": 2, "original_max_position_embeddings": 64,
      "llama_4_scaling_beta": 0.1,
    ]
    let folder = try TemporaryFolder()
    try folder.write(JSONWriter.string(.object(config)), to: "config.json")
    try folder.write(try Fixtures.bytes("models/llama/model.safetensors"), to: "model.safetensors")
    func load(_ context: Int?) throws -> LoadedModel {
      try LoadedModel.load(folder: folder.path, options: .init(precise: true, threads: 1, contextLength: context))
    }
    #expect(try load(nil).architecture.contextLength == 64)
    #expect(try load(64).architecture.contextBound == 64)
    #expect(throws: InferenceProblem.invalidOption(name: "context", value: 65, allowed: "64 or less for this model")) {
      try load(65)
    }
  }

  @Test("a step that cannot be made throws and changes nothing") func refusals() throws {
    var forward = try forward(.init(precise: true, threads: 1, contextLength: 40, sequences: 2, stepTokens: 64))
    let sequence = try forward.makeSequence()
    func attempt(_ tokens: [Int32]) throws {
      var batch = StepBatch()
      batch.add(sequence, tokens: tokens, wanted: .last)
      try forward.step(&batch)
    }
    #expect(throws: InferenceProblem.unknownToken(id: -1, vocabulary: 320)) { try attempt([1, -1]) }
    #expect(throws: InferenceProblem.unknownToken(id: 320, vocabulary: 320)) { try attempt([320]) }
    #expect(throws: InferenceProblem.contextExceeded(length: 41, limit: 40)) {
      try attempt(Array(repeating: 1, count: 41))
    }
    #expect(throws: InferenceProblem.stepTooLarge(tokens: 65, limit: 64)) {
      try attempt(Array(repeating: 1, count: 65))
    }
    #expect(forward.length(of: sequence) == 0)
    try attempt([1, 2, 3])
    #expect(forward.length(of: sequence) == 3)
    forward.release(sequence)
    #expect(throws: InferenceProblem.invalidSequence) { try attempt([1]) }
  }

  @Test("the cache's budget is kept") func budget() throws {
    var forward = try forward(.init(precise: true, threads: 1, kvByteBudget: 1 << 15, sequences: 2, stepTokens: 512))
    let sequence = try forward.makeSequence()
    var batch = StepBatch()
    batch.add(sequence, tokens: Array(repeating: Int32(1), count: 500), wanted: .none)
    #expect(throws: InferenceProblem.self) { try forward.step(&batch) }
    #expect(forward.length(of: sequence) == 0)
  }

  @Test("truncating a sequence gives the logits of the shorter one") func truncation() throws {
    var forward = try forward(.init(precise: true, threads: 1, sequences: 1))
    let sequence = try forward.makeSequence()
    var batch = StepBatch()
    batch.add(sequence, tokens: [1, 2, 3, 4, 5, 6], wanted: .none)
    try forward.step(&batch)
    forward.truncate(sequence, to: 2)
    batch.removeAll()
    batch.add(sequence, token: 9)
    try forward.step(&batch)
    let truncated = Array(batch.logits(ofEntry: 0))
    forward.truncate(sequence, to: 0)
    batch.removeAll()
    batch.add(sequence, tokens: [1, 2, 9], wanted: .last)
    try forward.step(&batch)
    #expect(Array(batch.logits(ofEntry: 0)) == truncated)
  }
}
