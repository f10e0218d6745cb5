// SPDX-License-Identifier: Apache-2.0
// What llama.cpp's converter did to each architecture, as a table: names of tensors, rows it moved,
// values it added. Source: llama.cpp convert_hf_to_gguf.py and gguf-py/gguf/tensor_mapping.py.

/// An architecture of GGUF and its Hugging Face form.
struct GGUFFamily: Sendable {
  /// `general.architecture`.
  var name: String
  /// `model_type` of config.json.
  var modelType: String
  /// Entry of `architectures` in config.json.
  var className: String
  /// Names within a layer: `blk.N.KEY.weight` is `model.layers.N.VALUE.weight`.
  var layerNames: [String: String]
  /// Whether rows of queries and keys were interleaved, so that the halves of a rotated pair are
  /// neighbours.
  var interleavesHeads = false
  /// Whether norms hold one more than in the original.
  var addsOneToNorms = false
  /// `hidden_act` and `hidden_activation`.
  var activation = "silu"

  private static let attention = [
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
  ]
  private static let feedForward = ["ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"]
  private static let headNorms = ["attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"]
  private static let twoNorms = ["ffn_norm": "post_attention_layernorm"]
  private static let fourNorms = [
    "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
  ]

  private static func names(_ parts: [String: String]...) -> [String: String] {
    parts.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
  }

  /// By `general.architecture`. Mistral's models are "llama" there.
  static let all: [String: GGUFFamily] = {
    let families = [
      GGUFFamily(
        name: "llama", modelType: "llama", className: "LlamaForCausalLM",
        layerNames: names(attention, feedForward, twoNorms), interleavesHeads: true),
      GGUFFamily(
        name: "qwen2", modelType: "qwen2", className: "Qwen2ForCausalLM",
        layerNames: names(attention, feedForward, twoNorms)),
      GGUFFamily(
        name: "qwen3", modelType: "qwen3", className: "Qwen3ForCausalLM",
        layerNames: names(attention, feedForward, twoNorms, headNorms)),
      GGUFFamily(
        name: "phi3", modelType: "phi3", className: "Phi3ForCausalLM",
        layerNames: names(
          [
            "attn_norm": "input_layernorm", "attn_qkv": "self_attn.qkv_proj", "attn_output": "self_attn.o_proj",
            "ffn_up": "mlp.gate_up_proj", "ffn_down": "mlp.down_proj",
          ], twoNorms)),
      GGUFFamily(
        name: "gemma2", modelType: "gemma2", className: "Gemma2ForCausalLM",
        layerNames: names(attention, feedForward, fourNorms), addsOneToNorms: true, activation: "gelu_pytorch_tanh"),
      GGUFFamily(
        name: "gemma3", modelType: "gemma3_text", className: "Gemma3ForCausalLM",
        layerNames: names(attention, feedForward, fourNorms, headNorms), addsOneToNorms: true,
        activation: "gelu_pytorch_tanh"),
    ]
    return Dictionary(uniqueKeysWithValues: families.map { ($0.name, $0) })
  }()
}
