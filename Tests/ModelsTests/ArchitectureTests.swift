// SPDX-License-Identifier: Apache-2.0
// Configs into descriptions: what each family has, and what is refused.

import Basics
import Models
import Support
import Testing

@Suite("Architecture")
struct ArchitectureTests {
  /// A small valid Llama config.
  static let base: JSONObject = [
    "model_type": "llama", "vocab_size": 320, "hidden_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128,
    "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "hidden_act": "silu",
  ]

  static func config(_ changes: JSONObject) -> JSONValue {
    var object = base
    for (key, value) in changes { object[key] = value }
    return .object(object)
  }

  static func fixture(_ name: String) throws -> Architecture {
    try Architecture(config: try JSONReader.parse(try Fixtures.bytes("models/\(name)/config.json")))
  }

  @Test("every fixture's config is understood", arguments: try Files.list(Fixtures.url("models")))
  func understood(name: String) throws {
    let config = try JSONReader.parse(try Fixtures.bytes("models/\(name)/config.json"))
    if EncoderArchitecture.describes(config) {
      #expect(try EncoderArchitecture(config: config).layers.count > 0)
      return
    }
    let architecture = try Self.fixture(name)
    #expect(architecture.layers.count > 0)
    #expect(Registry.modelTypes.contains(architecture.modelType))
  }

  @Test("transformers 5 writes the same model as transformers 4")
  func versions() throws {
    let four = try Architecture(config: Self.config(["rope_theta": 250000.0, "torch_dtype": "bfloat16"]))
    let five = try Architecture(
      config: Self.config([
        "rope_parameters": ["rope_theta": 250000.0, "rope_type": "default"], "dtype": "bfloat16",
      ]))
    #expect(four == five)
    #expect(four.ropes.first?.theta == 250000)
  }

  @Test("windows follow each family's rule")
  func windows() throws {
    #expect(try Self.fixture("mistral-sliding").layers.map(\.attention?.window) == [24, 24, 24])
    #expect(try Self.fixture("mistral").layers.allSatisfy { $0.attention?.window == nil })
    #expect(try Self.fixture("qwen2-sliding").layers.map(\.attention?.window) == [nil, 20, 20])
    #expect(try Self.fixture("gemma2-sliding").layers.map(\.attention?.window) == [16, nil, 16])
    #expect(try Self.fixture("gemma3_text").layers.map(\.attention?.window) == [20, 20, nil])
    #expect(try Self.fixture("smollm3").layers.map(\.attention?.window) == [nil, 20, nil, nil, 20])
    #expect(try Self.fixture("qwen3_moe-v5config-sliding").layers.map(\.attention?.window) == [20, 20, 20])
  }

  @Test("a window that is not spoken of is the family's usual one; null says that there is none")
  func usualWindows() throws {
    func window(_ changes: JSONObject) throws -> Int? {
      try Architecture(config: Self.config(changes)).layers[0].attention?.window
    }
    #expect(try window(["model_type": "mistral"]) == 4096)
    #expect(try window(["model_type": "mistral", "sliding_window": .null]) == nil)
    #expect(try window(["model_type": "qwen2", "use_sliding_window": true, "max_window_layers": 0]) == 4096)
    #expect(try window(["model_type": "qwen2", "max_window_layers": 0]) == nil)
    #expect(try window(["model_type": "phi3"]) == nil)
  }

  @Test("Ministral 3 is read as far as its queries are not stretched") func ministral3() throws {
    let rope: JSONObject = [
      "rope_type": "yarn", "rope_theta": 1e6, "factor": 16, "original_max_position_embeddings": 512,
      "llama_4_scaling_beta": 0.1,
    ]
    func described(_ rope: JSONObject) throws -> Architecture {
      try Architecture(config: Self.config(["model_type": "ministral3", "rope_parameters": .object(rope)]))
    }
    let bounded = try described(rope)
    #expect(bounded.contextLength == 512 && bounded.contextBound == 512)
    #expect(bounded.layers.allSatisfy { $0.attention?.window == nil })
    var plain = rope
    plain["llama_4_scaling_beta"] = 0.0
    let whole = try described(plain)
    #expect(whole.contextLength == 2048 && whole.contextBound == nil)
    #expect(
      try Architecture(
        config: Self.config(["model_type": "mistral3", "text_config": Self.config(["model_type": "ministral3"])])
      )
      .modelType == "ministral3")
  }

  @Test("what the reference of Gemma 3 ignores is ignored, and what Phi cannot have is refused")
  func corners() throws {
    let gemma: JSONObject = ["model_type": "gemma3_text", "attn_logit_softcapping": 5.0]
    #expect(try Architecture(config: Self.config(gemma)).layers.allSatisfy { $0.attention?.softCap == nil })
    #expect(throws: ModelProblem.self) {
      try Architecture(config: Self.config(["model_type": "phi", "tie_word_embeddings": true]))
    }
  }

  @Test("the text model of one that sees is described with what its settings leave out")
  func textPart() throws {
    let text: JSONObject = [
      "model_type": "gemma3_text", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 6,
      "rope_scaling": ["factor": 8.0, "rope_type": "linear"], "sliding_window": 1024,
    ]
    let gemma = try Architecture(config: ["model_type": "gemma3", "text_config": .object(text)])
    let attention = try #require(gemma.layers[0].attention)
    #expect(gemma.vocabularySize == 262_208 && gemma.contextLength == 131_072 && gemma.output.isTied)
    #expect(attention.heads == 8 && attention.keyValueHeads == 4 && attention.headSize == 256)
    #expect(gemma.layers.map(\.attention?.window) == [1024, 1024, 1024, 1024, 1024, nil])
    #expect(gemma.ropes.map(\.theta) == [1e6, 10000] && gemma.ropes[0].scaling == .linear(factor: 8))
    let mistral = try Architecture(
      config: ["model_type": "mistral3", "text_config": Self.config(["model_type": "mistral"])])
    #expect(mistral.modelType == "mistral" && !mistral.output.isTied)
  }

  @Test("a model that sees around an unknown text model, or around none, is refused by name")
  func unknownText() {
    #expect(throws: ModelProblem.unsupportedFeature(name: #"mistral3 around a text model "mistral4""#)) {
      try Architecture(config: ["model_type": "mistral3", "text_config": Self.config(["model_type": "mistral4"])])
    }
    for text in [JSONValue.null, [], "mistral"] {
      #expect(throws: ModelProblem.self) {
        try Architecture(config: ["model_type": "mistral3", "text_config": text])
      }
    }
    #expect {
      try Architecture(config: ["model_type": "gemma3", "text_config": ["hidden_size": -1]])
    } throws: { ($0 as? ModelProblem)?.what.contains("text_config.") == true }
  }

  @Test("Qwen 2 has biases on queries, keys and values although no key says so")
  func biases() throws {
    let attention = try #require(try Self.fixture("qwen2-tied").layers[0].attention)
    #expect(attention.queryKeyValue.map(\.bias) == [true, true, true])
    #expect(!attention.output.bias)
  }

  @Test("tied outputs name the embedding")
  func ties() throws {
    #expect(try Self.fixture("smollm2").output.linear.path == "model.embed_tokens")
    #expect(try Self.fixture("gemma2").output.isTied)
    #expect(try Self.fixture("llama").output.linear.path == "lm_head")
  }

  @Test("docs/models.md names every architecture, and none that is not there") func documented() throws {
    let text = String(decoding: try Files.read(Fixtures.project("docs/models.md"), limit: 1 << 20), as: UTF8.self)
    let known = Set(Registry.modelTypes + EncoderArchitecture.modelTypes)
    for name in known { #expect(text.contains("`\(name)`"), "\(name)") }
    for line in text.split(separator: "\n") where line.hasPrefix("| `") && !line.hasPrefix("| `model_type`") {
      let cell = line.dropFirst(2).prefix { $0 != "|" }
      let names = cell.split(separator: "`").filter { $0.first?.isLetter == true }
      #expect(!names.isEmpty && names.allSatisfy { known.contains(String($0)) }, "\(cell)")
    }
  }

  @Test("OLMo 3 and Qwen2-MoE slide by rules of their own") func newerWindows() throws {
    #expect(try Self.fixture("olmo3").layers.map(\.attention?.window) == [20, 20, 20, nil, 20])
    #expect(try Self.fixture("olmo3").layers.map(\.attention?.rope) == [1, 1, 1, 0, 1])
    #expect(try Self.fixture("qwen2_moe").layers.map(\.attention?.window) == [20, nil, 20])
  }

  @Test("Kimi K2 is DeepSeek V3 by another name") func kimi() throws {
    var config = try #require(try JSONReader.parse(try Fixtures.bytes("models/deepseek_v3/config.json")).objectValue)
    config["model_type"] = "kimi_k2"
    var kimi = try Architecture(config: .object(config))
    #expect(kimi.modelType == "kimi_k2")
    kimi.modelType = "deepseek_v3"
    #expect(try kimi == Self.fixture("deepseek_v3"))
  }

  @Test("an unknown architecture is refused by name")
  func unknown() {
    #expect(
      throws: ModelProblem.unsupportedArchitecture(
        name: "mamba", known: Registry.modelTypes + EncoderArchitecture.modelTypes)
    ) {
      try Architecture(config: Self.config(["model_type": "mamba"]))
    }
  }

  /// A change to a valid config, and the key the refusal must name (nil: an unsupported feature).
  struct Hostile: Sendable, CustomTestStringConvertible {
    var changes: JSONObject
    var key: String?
    var testDescription: String { JSONWriter.string(.object(changes)) }
  }

  static let hostile: [Hostile] = [
    Hostile(changes: ["hidden_size": 0], key: "hidden_size"),
    Hostile(changes: ["hidden_size": -64], key: "hidden_size"),
    Hostile(changes: ["hidden_size": 9_000_000_000_000_000_000], key: "hidden_size"),
    Hostile(changes: ["hidden_size": 1e300], key: "hidden_size"),
    Hostile(changes: ["hidden_size": 64.5], key: "hidden_size"),
    Hostile(changes: ["hidden_size": "64"], key: "hidden_size"),
    Hostile(changes: ["hidden_size": []], key: "hidden_size"),
    Hostile(changes: ["hidden_size": .null], key: "hidden_size"),
    Hostile(changes: ["hidden_size": 66], key: "num_attention_heads"),
    Hostile(changes: ["vocab_size": 0], key: "vocab_size"),
    Hostile(changes: ["vocab_size": -1], key: "vocab_size"),
    Hostile(changes: ["vocab_size": 1_000_000_000_000], key: "vocab_size"),
    Hostile(changes: ["num_hidden_layers": 0], key: "num_hidden_layers"),
    Hostile(changes: ["num_hidden_layers": 1_000_000_000], key: "num_hidden_layers"),
    Hostile(changes: ["num_attention_heads": 0], key: "num_attention_heads"),
    Hostile(changes: ["num_attention_heads": -4], key: "num_attention_heads"),
    Hostile(changes: ["num_key_value_heads": 0], key: "num_key_value_heads"),
    Hostile(changes: ["num_key_value_heads": 3], key: "num_key_value_heads"),
    Hostile(changes: ["num_key_value_heads": 8], key: "num_key_value_heads"),
    Hostile(changes: ["head_dim": 0], key: "head_dim"),
    Hostile(changes: ["head_dim": 15], key: "partial_rotary_factor"),
    Hostile(changes: ["head_dim": 1_000_000], key: "head_dim"),
    Hostile(changes: ["intermediate_size": 0], key: "intermediate_size"),
    Hostile(changes: ["intermediate_size": 4_000_000_000], key: "intermediate_size"),
    Hostile(changes: ["max_position_embeddings": 0], key: "max_position_embeddings"),
    Hostile(changes: ["max_position_embeddings": 1_000_000_000_000], key: "max_position_embeddings"),
    Hostile(changes: ["rms_norm_eps": -1.0], key: "rms_norm_eps"),
    Hostile(changes: ["rms_norm_eps": "small"], key: "rms_norm_eps"),
    Hostile(changes: ["rope_theta": 0], key: "rope_theta"),
    Hostile(changes: ["rope_theta": -10000], key: "rope_theta"),
    Hostile(changes: ["rope_theta": 1], key: "rope_theta"),
    Hostile(changes: ["rope_scaling": "linear"], key: "rope_scaling"),
    Hostile(changes: ["rope_scaling": ["type": "linear"]], key: "rope_scaling.factor"),
    Hostile(changes: ["rope_scaling": ["type": "linear", "factor": 0]], key: "rope_scaling.factor"),
    Hostile(changes: ["rope_scaling": ["type": 4]], key: "rope_scaling.type"),
    Hostile(changes: ["rope_scaling": ["type": "spiral"]], key: nil),
    Hostile(
      changes: ["rope_scaling": ["rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4]],
      key: "rope_scaling.high_freq_factor"),
    Hostile(
      changes: ["rope_scaling": ["rope_type": "longrope", "short_factor": [1, 2], "long_factor": [1, 2]]],
      key: "rope_scaling.short_factor"),
    Hostile(
      changes: ["rope_scaling": ["type": "yarn", "factor": 4, "original_max_position_embeddings": 0]],
      key: "rope_scaling.original_max_position_embeddings"),
    Hostile(changes: ["hidden_act": "tanhshrink"], key: nil),
    Hostile(changes: ["hidden_act": 1], key: "hidden_act"),
    Hostile(changes: ["attention_bias": "yes"], key: "attention_bias"),
    Hostile(changes: ["tie_word_embeddings": 1], key: "tie_word_embeddings"),
    Hostile(changes: ["model_type": .null], key: "model_type"),
    Hostile(changes: ["model_type": 7], key: "model_type"),
    Hostile(changes: ["model_type": "mistral", "sliding_window": 0], key: "sliding_window"),
    Hostile(changes: ["model_type": "mistral", "sliding_window": -5], key: "sliding_window"),
    Hostile(changes: ["model_type": "mistral", "layer_types": ["full_attention"]], key: "layer_types"),
    Hostile(
      changes: [
        "model_type": "mistral", "layer_types": ["sliding_attention", "full_attention"], "sliding_window": .null,
      ], key: "sliding_window"),
    Hostile(changes: ["model_type": "mistral", "layer_types": ["mamba", "mamba"]], key: nil),
    Hostile(changes: ["model_type": "mixtral", "num_local_experts": 0], key: "num_local_experts"),
    Hostile(
      changes: ["model_type": "mixtral", "num_local_experts": 2, "num_experts_per_tok": 3],
      key: "num_experts_per_tok"),
    Hostile(
      changes: ["model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 5, "moe_intermediate_size": 8],
      key: "num_experts_per_tok"),
    Hostile(changes: ["model_type": "phi", "partial_rotary_factor": 2.0], key: "partial_rotary_factor"),
    Hostile(changes: ["model_type": "gemma2", "query_pre_attn_scalar": 0], key: "query_pre_attn_scalar"),
  ]

  @Test("a hostile config is refused, naming the key", arguments: hostile)
  func refused(hostile: Hostile) {
    do {
      _ = try Architecture(config: Self.config(hostile.changes))
      Issue.record("it was accepted")
    } catch {
      switch error {
      case .invalidConfig(let key, _): #expect(key == hostile.key)
      case .unsupportedFeature: #expect(hostile.key == nil)
      default: Issue.record("another error: \(error)")
      }
    }
  }
}
