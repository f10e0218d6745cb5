// SPDX-License-Identifier: Apache-2.0
// Models of Fixtures written as GGUF in the manner of llama.cpp's converter, and converted back.

import Basics
import Checkpoints
import Library
import Models
import Support
import Tensors
import Testing
import Tokenizers

@Suite("GGUF conversion")
struct GGUFConvertingTests {
  /// A model of Fixtures and how the converter treats its architecture.
  struct Subject: Sendable, CustomTestStringConvertible {
    var model: String
    var architecture: String
    var interleaves = false
    var addsOne = false
    /// Suffixes of Hugging Face names and what GGUF calls them, for norms that are not Llama's.
    var norms: [String: String] = ["input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"]
    var names: [String: String] = [
      "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
      "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    ]
    var testDescription: String { model }
  }

  private static let sandwich = [
    "input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
  ]

  static let subjects = [
    Subject(model: "llama", architecture: "llama", interleaves: true),
    Subject(model: "smollm2", architecture: "llama", interleaves: true),
    Subject(model: "llama-rope-linear-bias-f16", architecture: "llama", interleaves: true),
    Subject(model: "qwen2-tied", architecture: "qwen2"),
    Subject(model: "qwen3", architecture: "qwen3"),
    Subject(model: "gemma2", architecture: "gemma2", addsOne: true, norms: sandwich),
    Subject(
      model: "phi3", architecture: "phi3",
      names: [
        "self_attn.qkv_proj": "attn_qkv", "self_attn.o_proj": "attn_output", "mlp.gate_up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
      ]),
  ]

  /// A model of Fixtures as GGUF.
  static func builder(_ subject: Subject) throws -> GGUFBuilder {
    let folder = Fixtures.url("models/\(subject.model)")
    let config = try JSONReader.parse(try Files.read("\(folder)/config.json"))
    var builder = GGUFBuilder()
    builder.metadata = try metadata(subject, config) + vocabulary(config)
    let checkpoint = try openCheckpoint(folder: folder)
    for name in checkpoint.names { builder.tensors.append(try tensor(subject, name, checkpoint.require(name), config)) }
    return builder
  }

  private static func metadata(_ subject: Subject, _ config: JSONValue) throws -> [(
    key: String, value: GGUFBuilder.Value
  )] {
    func number(_ key: String) -> UInt32? { config[key]?.intValue.map { UInt32($0) } }
    let arch = subject.architecture
    var entries: [(key: String, value: GGUFBuilder.Value)] = [("general.architecture", .string(arch))]
    for (key, name) in [
      ("num_hidden_layers", "block_count"), ("hidden_size", "embedding_length"), ("head_dim", "attention.key_length"),
      ("intermediate_size", "feed_forward_length"), ("num_attention_heads", "attention.head_count"),
      ("num_key_value_heads", "attention.head_count_kv"), ("max_position_embeddings", "context_length"),
    ] {
      if let value = number(key) { entries.append(("\(arch).\(name)", .u32(value))) }
    }
    if arch.hasPrefix("gemma") || arch == "phi3", let window = number("sliding_window") {
      entries.append(("\(arch).attention.sliding_window", .u32(window)))
    }
    for (key, name) in [
      ("rms_norm_eps", "attention.layer_norm_rms_epsilon"), ("rope_theta", "rope.freq_base"),
      ("attn_logit_softcapping", "attn_logit_softcapping"), ("final_logit_softcapping", "final_logit_softcapping"),
    ] {
      if let value = config[key]?.doubleValue { entries.append(("\(arch).\(name)", .f32(Float(value)))) }
    }
    if let factor = config["rope_scaling"]?["factor"]?.doubleValue {
      entries += [
        ("\(arch).rope.scaling.type", .string("linear")), ("\(arch).rope.scaling.factor", .f32(Float(factor))),
      ]
    }
    return entries
  }

  private static func vocabulary(_ config: JSONValue) -> [(key: String, value: GGUFBuilder.Value)] {
    let count = config["vocab_size"]?.intValue ?? 0
    return [
      ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string("gpt-2")),
      ("tokenizer.ggml.tokens", .strings((0..<count).map { "t\($0)" })),
      ("tokenizer.ggml.token_type", .i32s((0..<count).map { $0 < 3 ? 3 : 1 })),
      ("tokenizer.ggml.merges", .strings([])), ("tokenizer.ggml.bos_token_id", .u32(0)),
      ("tokenizer.ggml.eos_token_id", .u32(2)),
    ]
  }

  private static func tensor(
    _ subject: Subject, _ name: String, _ view: TensorView, _ config: JSONValue
  ) throws -> GGUFBuilder.Tensor {
    let types: [DType: UInt32] = [.f32: 0, .f16: 1, .bf16: 30]
    var type = try #require(types[view.dtype])
    var data = view.withUnsafeBytes { Array($0) }
    let ggufName = try #require(Self.name(subject, name))
    if name.hasSuffix("norm.weight"), subject.addsOne {
      type = 0
      data = try view.floats().flatMap { littleEndian(($0 + 1).bitPattern) }
    }
    for (part, key) in [("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")]
    where subject.interleaves && name.contains(part) {
      data = interleaved(data, rows: view.shape[0], heads: try #require(config[key]?.intValue))
    }
    return GGUFBuilder.Tensor(ggufName, view.shape.dimensions.reversed().map { UInt64($0) }, type: type, data: data)
  }

  /// As the converter does it: [heads, 2, half, …] becomes [heads, half, 2, …].
  private static func interleaved(_ data: [UInt8], rows: Int, heads: Int) -> [UInt8] {
    let (size, half, row) = (rows / heads, rows / heads / 2, data.count / rows)
    var result: [UInt8] = []
    for head in 0..<heads {
      for pair in 0..<half {
        for side in 0..<2 {
          let from = (head * size + side * half + pair) * row
          result += data[from..<(from + row)]
        }
      }
    }
    return result
  }

  private static func name(_ subject: Subject, _ name: String) -> String? {
    let outer = [
      "model.embed_tokens.weight": "token_embd.weight", "lm_head.weight": "output.weight",
      "model.norm.weight": "output_norm.weight",
    ]
    if let found = outer[name] { return found }
    let parts = name.split(separator: ".")
    let inner = parts[3..<(parts.count - 1)].joined(separator: ".")
    return (subject.norms[inner] ?? subject.names[inner]).map { "blk.\(parts[2]).\($0).\(parts[parts.count - 1])" }
  }

  @Test("names, order and values come back as they were, and so does the description", arguments: subjects)
  func roundTrip(_ subject: Subject) throws {
    let (folder, target) = (try TemporaryFolder(), try TemporaryFolder())
    let path = try folder.write(try Self.builder(subject).bytes(), to: "model.gguf")
    let original = Fixtures.url("models/\(subject.model)")
    let theirs = try openCheckpoint(folder: original)
    let dtype = try theirs.require("model.norm.weight").dtype
    let outcome = try GGUFConverting(path: path, dtype: dtype).write(to: target.path, threads: 2)
    #expect(outcome.files == (try Files.list(target.path)))
    let ours = try openCheckpoint(folder: target.path)
    #expect(ours.names == theirs.names)
    for name in theirs.names {
      let (a, b) = (try ours.require(name), try theirs.require(name))
      #expect(a.dtype == b.dtype && a.shape == b.shape, "\(name)")
      let same = zip(try a.floats(), try b.floats()).allSatisfy { $0 == $1 || (subject.addsOne && abs($0 - $1) < 1e-2) }
      #expect(same, "\(name)")
    }
    var config = try #require(try Snapshot.readConfig(original).objectValue)
    // GGUF has no place for this factor: readers take the width of a head, as the real models have it.
    if config["query_pre_attn_scalar"] != nil { config["query_pre_attn_scalar"] = config["head_dim"] }
    let expected = try Architecture(config: .object(config))
    #expect(try Architecture(config: try Snapshot.readConfig(target.path)) == expected)
  }

  @Test("a tied head stored a second time is found out, another matrix is not")
  func heads() throws {
    var builder = try Self.builder(Self.subjects[3])
    let embedding = try #require(builder.tensors.first { $0.name == "token_embd.weight" })
    var copy = embedding
    copy.name = "output.weight"
    // The same numbers, each changed a little.
    for index in stride(from: 0, to: copy.data.count, by: 2) { copy.data[index] ^= 3 }
    builder.tensors.append(copy)
    let folder = try TemporaryFolder()
    #expect(
      try GGUFConverting(path: try folder.write(builder.bytes(), to: "a.gguf")).config["tie_word_embeddings"] == true)
    copy.data.reverse()
    for index in stride(from: 1, to: copy.data.count, by: 2) { copy.data[index] = 0x3C }
    builder.tensors[builder.tensors.count - 1] = copy
    #expect(
      try GGUFConverting(path: try folder.write(builder.bytes(), to: "b.gguf")).config["tie_word_embeddings"] == false)
  }

  static let refusals: [(String, @Sendable (inout GGUFBuilder) -> Void)] = [
    ("another architecture", { $0.metadata[0].value = .string("mamba") }),
    ("no architecture", { $0.metadata.removeFirst() }),
    (
      "a tensor of unknown meaning",
      { $0.tensors.append(.init("blk.0.strange.weight", [1], type: 0, data: [0, 0, 0, 0])) }
    ),
    ("a layer too many", { $0.tensors.append(.init("blk.9.attn_q.weight", [1], type: 0, data: [0, 0, 0, 0])) }),
    ("no embedding", { $0.tensors.removeAll { $0.name == "token_embd.weight" } }),
    ("no output norm", { $0.tensors.removeAll { $0.name == "output_norm.weight" } }),
    ("one of several files", { $0.metadata.append(("split.count", .u32(2))) }),
    ("an adapter", { $0.metadata.append(("general.type", .string("adapter"))) }),
    ("experts", { $0.metadata.append(("llama.expert_count", .u32(8))) }),
    ("a billion layers", { $0.metadata[1].value = .u32(1_000_000_000) }),
    (
      "heads that differ",
      {
        $0.metadata[5].value = .raw(
          9, littleEndian(UInt32(4)) + littleEndian(UInt64(2)) + littleEndian(UInt32(2)) + littleEndian(UInt32(4)))
      }
    ),
    ("a width that is a text", { $0.metadata[2].value = .string("64") }),
    (
      "an epsilon that is no number",
      {
        $0.metadata.append(("x", .u32(1))); $0.metadata.removeAll { $0.key.hasSuffix("epsilon") }
      }
    ),
    (
      "rope scaling that is not known",
      { $0.metadata += [("llama.rope.scaling.type", .string("magic")), ("llama.rope.scaling.factor", .f32(2))] }
    ),
    (
      "rotary factors of another rule",
      {
        $0.tensors.append(
          .init("rope_freqs.weight", [8], type: 0, data: (0..<8).flatMap { littleEndian(Float($0 + 3).bitPattern) }))
      }
    ),
  ]

  @Test("what is not understood is refused before anything is written", arguments: refusals.indices)
  func refused(_ index: Int) throws {
    var builder = try Self.builder(Self.subjects[0])
    Self.refusals[index].1(&builder)
    let folder = try TemporaryFolder()
    let path = try folder.write(builder.bytes(), to: "x.gguf")
    #expect(throws: ModelProblem.self, "\(Self.refusals[index].0)") { try GGUFConverting(path: path) }
  }

  static let vocabularies: [(String, @Sendable (inout GGUFBuilder) -> Void)] = [
    ("no tokens", { $0.metadata.removeAll { $0.key.hasSuffix(".tokens") } }),
    ("kinds that do not go with the tokens", { $0.replace("token_type", .i32s([1, 1])) }),
    ("a kind that is not known", { $0.replace("token_type", .i32s(Array(repeating: 9, count: 320))) }),
    ("tokens that are numbers", { $0.replace("tokens", .i32s([1, 2])) }),
    ("a token twice", { $0.replace("tokens", .strings(Array(repeating: "a", count: 320))) }),
    ("another kind of vocabulary", { $0.replace("model", .string("bert")) }),
    ("a pre-tokenizer that is not known", { $0.replace("pre", .string("strange")) }),
    ("a SentencePiece vocabulary without scores", { $0.replace("model", .string("llama")) }),
  ]

  @Test("vocabularies that contradict themselves are refused", arguments: vocabularies.indices)
  func refusedVocabulary(_ index: Int) throws {
    var builder = try Self.builder(Self.subjects[0])
    Self.vocabularies[index].1(&builder)
    let (folder, target) = (try TemporaryFolder(), try TemporaryFolder())
    let converting = try GGUFConverting(path: try folder.write(builder.bytes(), to: "x.gguf"))
    #expect(throws: ModelProblem.self, "\(Self.vocabularies[index].0)") {
      try converting.write(to: target.path, threads: 1)
    }
    #expect(try Files.list(target.path).isEmpty)
  }
}

extension GGUFBuilder {
  /// Another value for a key of the tokenizer.
  mutating func replace(_ key: String, _ value: Value) {
    for index in metadata.indices where metadata[index].key == "tokenizer.ggml.\(key)" { metadata[index].value = value }
  }
}
