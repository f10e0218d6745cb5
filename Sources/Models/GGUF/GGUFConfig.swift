// SPDX-License-Identifier: Apache-2.0
// config.json and generation_config.json of a GGUF file, as transformers would have written them.

public import Basics
internal import Checkpoints
internal import Tensors

extension GGUFModel {
  /// The content of config.json.
  /// - Parameters:
  ///   - head: whether embedding and output are one matrix.
  ///   - dtype: `torch_dtype` of the weights that will be written.
  /// - Throws: `ModelProblem` for metadata that are missing or cannot be.
  public func config(_ head: Head, dtype: String) throws(ModelProblem) -> JSONObject {
    let embedding = try require("token_embd.weight")
    let heads = try int("attention.head_count", in: 1...Limits.heads)
    let hidden = try int("embedding_length", in: 1...Limits.width)
    guard embedding.shape.rank == 2, embedding.shape.rowLength == hidden else {
      throw .wrongShape(name: embedding.name, expected: [hidden], found: embedding.shape.dimensions)
    }
    var config: JSONObject = [
      "architectures": [.string(family.className)], "attention_dropout": 0.0, "hidden_act": .string(family.activation),
      "hidden_size": JSONValue(hidden),
      "intermediate_size": JSONValue(try int("feed_forward_length", in: 1...Limits.width)),
      "max_position_embeddings": JSONValue(try int("context_length", in: 1...Limits.context)),
      "model_type": .string(family.modelType), "num_attention_heads": JSONValue(heads),
      "num_hidden_layers": JSONValue(try int("block_count", in: 1...Limits.layers)),
      "num_key_value_heads": JSONValue(
        try optionalInt("attention.head_count_kv", in: 1...Limits.heads) ?? heads),
      "rms_norm_eps": .number(try double("attention.layer_norm_rms_epsilon")),
      "rope_theta": .number(try optionalDouble("rope.freq_base") ?? 10000),
      "tie_word_embeddings": .bool(head.isTied), "torch_dtype": .string(dtype), "use_cache": true,
      "vocab_size": JSONValue(embedding.shape[0]),
    ]
    for (key, id) in [("bos_token_id", specialToken("bos")), ("eos_token_id", specialToken("eos"))] {
      if let id { config[key] = JSONValue(id) }
    }
    try addHeadSize(to: &config, hidden: hidden, heads: heads)
    try addRope(to: &config)
    try addFamily(to: &config, hidden: hidden, heads: heads)
    return config
  }

  /// The content of generation_config.json: the tokens a text begins with and those that end an answer.
  public var generationConfig: JSONObject {
    var config = JSONObject()
    if let id = specialToken("bos") { config["bos_token_id"] = JSONValue(id) }
    let ends = endTokens
    if !ends.isEmpty {
      config["eos_token_id"] = ends.count == 1 ? JSONValue(ends[0]) : .array(ends.map { JSONValue($0) })
    }
    if let id = specialToken("padding") { config["pad_token_id"] = JSONValue(id) }
    return config
  }

  /// `head_dim`, where it does not follow from the width.
  private func addHeadSize(to config: inout JSONObject, hidden: Int, heads: Int) throws(ModelProblem) {
    let rotated = try optionalInt("rope.dimension_count", in: 2...Limits.headSize)
    guard
      let size = try optionalInt("attention.key_length", in: 1...Limits.headSize)
        ?? (family.interleavesHeads ? rotated : nil)
    else { return }
    if size * heads != hidden || family.modelType != "llama" { config["head_dim"] = JSONValue(size) }
    if let value = try optionalInt("attention.value_length", in: 1...Limits.headSize), value != size {
      throw .unsupportedFeature(name: "heads of \(size) for keys and \(value) for values")
    }
  }

  /// What single families say besides.
  private func addFamily(to config: inout JSONObject, hidden: Int, heads: Int) throws(ModelProblem) {
    if let experts = try optionalInt("expert_count", in: 0...Limits.experts), experts > 0 {
      throw .unsupportedFeature(name: "a GGUF model with \(experts) experts")
    }
    let window = try optionalInt("attention.sliding_window", in: 0...Limits.context).flatMap { $0 > 0 ? $0 : nil }
    let size = config["head_dim"]?.intValue ?? hidden / heads
    switch family.modelType {
    case "llama":
      config["attention_bias"] = .bool(file.tensor("blk.0.attn_q.bias") != nil)
      config["mlp_bias"] = .bool(file.tensor("blk.0.ffn_up.bias") != nil)
    case "qwen2": config["use_sliding_window"] = false
    case "qwen3":
      config["attention_bias"] = false
      config["use_sliding_window"] = false
    case "phi3": if let window { config["sliding_window"] = JSONValue(window) }
    case "gemma2", "gemma3_text":
      config["hidden_activation"] = .string(family.activation)
      if let window { config["sliding_window"] = JSONValue(window) }
      // The largest model of each generation scales by the width of a head it does not have.
      let isLargest = config["num_hidden_layers"]?.intValue == (family.modelType == "gemma2" ? 46 : 62)
      config["query_pre_attn_scalar"] = JSONValue(isLargest ? hidden / heads : size)
      if let cap = try optionalDouble("attn_logit_softcapping") { config["attn_logit_softcapping"] = .number(cap) }
      if let cap = try optionalDouble("final_logit_softcapping") { config["final_logit_softcapping"] = .number(cap) }
      if family.modelType == "gemma3_text" {
        config["rope_local_base_freq"] = 10000.0
        config["sliding_window_pattern"] = 6
      }
    default: break
    }
  }
}
