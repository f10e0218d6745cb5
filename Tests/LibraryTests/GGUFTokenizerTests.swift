// SPDX-License-Identifier: Apache-2.0
// Vocabularies taken from tokenizer.json, put into a GGUF file and brought back must cut texts as before.

import Basics
import Checkpoints
import Models
import Support
import Testing
import Tokenizers

@Suite("GGUF tokenizers")
struct GGUFTokenizerTests {
  /// A tokenizer of Fixtures and the name of its pre-tokenizer in GGUF.
  static let byteLevel = [
    ("smollm2", "smollm", "llama"), ("qwen2.5", "qwen2", "qwen2"), ("llama3-style", "llama-bpe", "llama"),
    ("gpt4o-style", "gpt-4o", "llama"), ("bytelevel-gpt2", "gpt-2", "llama"),
  ]

  /// The metadata of a byte-level vocabulary.
  private func builder(_ file: JSONValue, pre: String, architecture: String) throws -> GGUFBuilder {
    var texts: [Int: (String, Int32)] = [:]
    for (text, id) in try #require(file["model"]?["vocab"]?.objectValue) {
      texts[try #require(id.intValue)] = (text, 1)
    }
    for token in file["added_tokens"]?.arrayValue ?? [] {
      let kind: Int32 = token["special"]?.boolValue == true ? 3 : 4
      texts[try #require(token["id"]?.intValue)] = (try #require(token["content"]?.stringValue), kind)
    }
    let count = (texts.keys.max() ?? -1) + 1
    // What is left free is filled up, and must be left out again.
    let tokens = (0..<(count + 5)).map { texts[$0] ?? ("[PAD\($0)]", 5) }
    let merges = (file["model"]?["merges"]?.arrayValue ?? []).map { merge in
      merge.stringValue ?? (merge.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")
    }
    var builder = GGUFBuilder()
    builder.metadata = [
      ("general.architecture", .string(architecture)), ("\(architecture).context_length", .u32(2048)),
      ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string(pre)),
      ("tokenizer.ggml.tokens", .strings(tokens.map(\.0))), ("tokenizer.ggml.token_type", .i32s(tokens.map(\.1))),
      ("tokenizer.ggml.merges", .strings(merges)), ("tokenizer.ggml.eos_token_id", .u32(2)),
      ("tokenizer.chat_template", .string("{{ messages }}")),
    ]
    // The token a text begins with stands in the post-processor's template.
    let processors = file["post_processor"]?["processors"]?.arrayValue ?? file["post_processor"].map { [$0] } ?? []
    let begin = processors.compactMap { $0["single"]?.arrayValue?.first?["SpecialToken"]?["id"]?.stringValue }.first
    if let begin, let id = tokens.firstIndex(where: { $0.0 == begin }) {
      builder.metadata.append(("tokenizer.ggml.bos_token_id", .u32(UInt32(id))))
    }
    builder.metadata.append(("tokenizer.ggml.add_bos_token", .bool(begin != nil)))
    return builder
  }

  @Test("ids and texts are those of the original", arguments: byteLevel)
  func vectors(name: String, pre: String, architecture: String) throws {
    let file = try JSONReader.parse(try Fixtures.bytes("tokenizers/\(name)/tokenizer.json"))
    let folder = try TemporaryFolder()
    let path = try folder.write(try builder(file, pre: pre, architecture: architecture).bytes(), to: "x.gguf")
    let model = try GGUFModel(try GGUFFile(path))
    try folder.write(try model.tokenizer(), to: "tokenizer.json")
    #expect(try model.tokenizerConfig()["chat_template"] == "{{ messages }}")
    let tokenizer = try Tokenizer(folder: folder.path)
    var count = 0
    for sample in try Fixtures.jsonLines("tokenizers/\(name)/cases.jsonl")
    where sample["kind"]?.stringValue == "encode" && sample["text"] != nil && sample["pair"] == nil {
      let ids = try #require(sample["ids"]?.arrayValue).compactMap(\.intValue).map { TokenID($0) }
      let label = "\(name) n=\(sample["n"]?.intValue ?? -1)"
      let found = tokenizer.encode(
        try #require(sample["text"]?.stringValue), addSpecialTokens: sample["add_special_tokens"]?.boolValue ?? true,
        parseSpecial: sample["parse_special"]?.boolValue ?? true)
      #expect(found == ids, "\(label)")
      if let decoded = sample["decoded"]?.stringValue { #expect(tokenizer.decode(ids) == decoded, "\(label)") }
      count += 1
    }
    #expect(count > 20)
  }

  @Test("a SentencePiece vocabulary gets its merges back from the scores")
  func sentencePiece() throws {
    let file = try JSONReader.parse(try Fixtures.bytes("tokenizers/spm-bpe-llama-legacy/tokenizer.json"))
    var texts: [Int: String] = [:]
    for (text, id) in try #require(file["model"]?["vocab"]?.objectValue) { texts[try #require(id.intValue)] = text }
    let tokens = (0..<texts.count).compactMap { texts[$0] }
    try #require(tokens.count == texts.count)
    let kinds: [Int32] = tokens.map { text in
      switch text {
      case "<unk>": 2
      case "<s>", "</s>": 3
      default: text.hasPrefix("<0x") && text.utf8.count == 6 ? 6 : 1
      }
    }
    // Scores fall with the id, as in every vocabulary of this kind.
    var builder = GGUFBuilder()
    builder.metadata = [
      ("general.architecture", .string("llama")), ("llama.context_length", .u32(2048)),
      ("tokenizer.ggml.model", .string("llama")), ("tokenizer.ggml.tokens", .strings(tokens)),
      ("tokenizer.ggml.token_type", .i32s(kinds)), ("tokenizer.ggml.scores", .f32s(tokens.indices.map { -Float($0) })),
      ("tokenizer.ggml.bos_token_id", .u32(1)), ("tokenizer.ggml.unknown_token_id", .u32(0)),
    ]
    let folder = try TemporaryFolder()
    let model = try GGUFModel(try GGUFFile(try folder.write(builder.bytes(), to: "x.gguf")))
    try folder.write(try model.tokenizer(), to: "tokenizer.json")
    let (tokenizer, original) = (
      try Tokenizer(folder: folder.path), try Tokenizer(folder: Fixtures.url("tokenizers/spm-bpe-llama-legacy"))
    )
    for sample in try Fixtures.jsonLines("tokenizers/spm-bpe-llama-legacy/cases.jsonl") {
      guard let text = sample["text"]?.stringValue, sample["pair"] == nil else { continue }
      let ids = original.encode(text, addSpecialTokens: false, parseSpecial: false)
      #expect(tokenizer.encode(text, addSpecialTokens: false, parseSpecial: false) == ids, "\(text)")
      #expect(tokenizer.decode(ids) == original.decode(ids), "\(text)")
    }
    #expect(tokenizer.encode("a").first == 1, "texts begin with <s>")
  }

  @Test("tokens that Unicode deems equal stay two tokens")
  func composition() throws {
    var builder = GGUFBuilder()
    let tokens = ["<unk>", "\u{E9}", "e\u{301}", "e", "\u{301}"]
    builder.metadata = [
      ("general.architecture", .string("llama")), ("llama.context_length", .u32(64)),
      ("tokenizer.ggml.model", .string("llama")), ("tokenizer.ggml.tokens", .strings(tokens)),
      ("tokenizer.ggml.token_type", .i32s([2, 1, 1, 1, 1])), ("tokenizer.ggml.scores", .f32s([0, -1, -2, -3, -4])),
      ("tokenizer.ggml.add_space_prefix", .bool(false)),
    ]
    let folder = try TemporaryFolder()
    let model = try GGUFModel(try GGUFFile(try folder.write(builder.bytes(), to: "x.gguf")))
    let text = String(decoding: try model.tokenizer(), as: UTF8.self)
    #expect(text.utf8.count > 0 && text.contains(#""é":1"#))
    #expect(Array(text.utf8).split(separator: UInt8(ascii: ",")).contains { Array($0) == Array("\"e\u{301}\":2".utf8) })
  }

  @Test("answers end where the file and its control tokens say")
  func endTokens() throws {
    var builder = GGUFBuilder()
    builder.metadata = [
      ("general.architecture", .string("qwen2")), ("tokenizer.ggml.model", .string("gpt2")),
      ("tokenizer.ggml.tokens", .strings(["a", "<|endoftext|>", "<|im_end|>", "<|eot_id|>"])),
      ("tokenizer.ggml.token_type", .i32s([1, 3, 3, 1])), ("tokenizer.ggml.eos_token_id", .u32(2)),
      ("tokenizer.ggml.bos_token_id", .u32(99)),
    ]
    let folder = try TemporaryFolder()
    let model = try GGUFModel(try GGUFFile(try folder.write(builder.bytes(), to: "x.gguf")))
    #expect(model.generationConfig["eos_token_id"] == [2, 1], "the normal token <|eot_id|> ends nothing")
    #expect(model.generationConfig["bos_token_id"] == nil, "an id outside the vocabulary is none")
  }
}
