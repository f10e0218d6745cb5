// SPDX-License-Identifier: Apache-2.0
// Embeddings from decoders: against what sentence-transformers makes of the same folder, and against the decoders' own logits.

import Basics
import Checkpoints
import Inference
import Models
import Support
import Tensors
import Testing

@Suite struct EmbedderTests {
  private static let options = LoadedModel.Options(precise: true, threads: 2)

  @Test("EmbeddingGemma: windows to both sides, two Dense steps and prompts are sentence-transformers'")
  func embeddingGemma() throws {
    let folder = Fixtures.url("models/embeddinggemma")
    let reference = try JSONReader.parse(try Fixtures.bytes("models/embeddinggemma/embeddings.json"))
    let texts = try #require(reference["texts"]?.arrayValue).compactMap(\.stringValue)
    for (prompt, vectors) in try #require(reference["embeddings"]?.objectValue) {
      var embedder = try Embedder(
        try EncoderModel.load(folder: folder, options: Self.options), prompt: prompt.isEmpty ? nil : prompt)
      let found = try embedder.embed(texts)
      for (embedding, expected) in zip(found, try #require(vectors.arrayValue)) {
        let expected = numbers(expected)
        #expect(embedding.vector.count == 40 && expected.count == 40)
        let worst = zip(embedding.vector, expected).map { abs(Double($0) - $1) }.max() ?? 1
        #expect(worst < 1e-5, "\(prompt): off by \(worst)")
      }
      #expect(found.map(\.tokenCount).max() ?? 0 > 100, "the windows are of 16 tokens")
    }
    #expect(throws: ModelProblem.encoder(name: "gemma3_text")) { _ = try LoadedModel.load(folder: folder) }
  }

  /// A model of the fixtures with a modules.json beside it.
  private func embedder(_ name: String) throws -> TemporaryFolder {
    let (folder, source) = (try TemporaryFolder(), Fixtures.url("models/\(name)"))
    for file in try Files.list(source) { try Files.link("\(folder.path)/\(file)", to: "\(source)/\(file)") }
    try folder.write(#"[{"type": "sentence_transformers.models.Transformer", "path": ""}]"#, to: "modules.json")
    return folder
  }

  @Test(
    "the states of a decoder are those that its logits are read off",
    arguments: ["smollm2", "qwen3", "mistral-sliding", "gemma3_text", "phi3-longrope", "qwen2-tied"])
  func states(_ name: String) throws {
    let folder = try embedder(name)
    let question: JSONValue = ["tokens": .array((0..<90).map { JSONValue($0 * 7 % 290) })]
    var encoder = try DebugEncode(try EncoderModel.load(folder: folder.path, options: Self.options))
    let state = numbers(try encoder.answer(question)["last_hidden_state_last"])
    var decoder = try DebugForward(try LoadedModel.load(folder: folder.path, options: Self.options))
    let logits = numbers(try decoder.answer(question)["last_logits"])
    let head = try Snapshot.open(folder.path)
    let rows = try head.weights.matrix(head.architecture.output.linear).weight.floats()
    #expect(rows.count == logits.count * state.count && logits.count > 200)
    for (number, logit) in logits.enumerated() {
      let product = state.indices.reduce(0.0) { $0 + Double(rows[number * state.count + $1]) * state[$1] }
      #expect(abs(product - logit) < 1e-4)
    }
  }

  @Test("a model without an output, named as transformers saves those, has the same states and writes no text")
  func bare() throws {
    let whole = try embedder("mistral-sliding")
    let source = try openCheckpoint(folder: whole.path)
    let folder = try TemporaryFolder()
    let tensors = try source.names.filter { $0.hasPrefix("model.") }.map { name in
      let view = try source.require(name)
      return (name: String(name.dropFirst(6)), shape: view.shape.dimensions, values: try view.floats())
    }
    try folder.write(SafetensorsBuilder.floats(tensors), to: "model.safetensors")
    for name in ["config.json", "modules.json"] {
      try folder.write(try Files.read("\(whole.path)/\(name)", limit: 1 << 20), to: name)
    }
    func states(_ folder: String) throws -> JSONValue {
      var encoder = try DebugEncode(try EncoderModel.load(folder: folder, options: Self.options))
      return try encoder.answer(["tokens": .array((0..<70).map { JSONValue($0 * 3 % 290) })])
    }
    #expect(try states(folder.path) == states(whole.path))
    #expect(throws: ModelProblem.encoder(name: "mistral")) { _ = try LoadedModel.load(folder: folder.path) }
  }

  @Test(
    "what makes no embeddings is refused by name", arguments: [("llama", false), ("qwen3_next", true), ("phi", true)])
  func refusals(_ name: String, hasModules: Bool) throws {
    let folder = try embedder(name)
    let path = hasModules ? folder.path : Fixtures.url("models/\(name)")
    let expected: ModelProblem =
      hasModules ? .unsupportedFeature(name: "embeddings of the architecture \"\(name)\"") : .noEmbedder(name: name)
    #expect(throws: expected) { _ = try EncoderModel.load(folder: path, options: Self.options) }
  }

  @Test("texts that sentence-transformers would put into a chat template are refused by name") func messages() throws {
    let folder = try TemporaryFolder()
    for name in ["config.json", "model.safetensors"] {
      try folder.write(try Fixtures.bytes("models/bert/\(name)"), to: name)
    }
    try folder.write("[]", to: "modules.json")
    let config = #"{"modality_config": {"text": {}, "message": {"format": "flat"}}}"#
    try folder.write(config, to: "sentence_bert_config.json")
    #expect(throws: ModelProblem.unsupportedFeature(name: "embeddings of texts within a chat template")) {
      _ = try EncoderSnapshot.open(folder.path)
    }
  }

  private func numbers(_ json: JSONValue?) -> [Double] { json?.arrayValue?.compactMap(\.doubleValue) ?? [] }
}
