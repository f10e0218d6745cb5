// SPDX-License-Identifier: Apache-2.0
// Llama 1-3 and all that share its shape (SmolLM2, Yi, TinyLlama …): pre-norm, rotary, SwiGLU.

/// `model_type: llama`.
enum Llama {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let attentionBias = try reader.bool("attention_bias", default: false)
    let mlpBias = try reader.bool("mlp_bias", default: false)
    let activation = try config.activation()
    let layers = (0..<config.layerCount).map { index in
      config.layer(
        index,
        attention: config.attention(
          "model.layers.\(index).self_attn", inputBias: attentionBias, outputBias: attentionBias),
        feedForward: .dense(config.gatedMLP("model.layers.\(index).mlp", activation: activation, bias: mlpBias)))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}

extension DecoderConfig {
  /// A layer with Llama's two norms, before attention and before the feed-forward half.
  func layer(_ index: Int, attention: Attention, feedForward: FeedForward) -> LayerDescription {
    LayerDescription(
      attention: attention, feedForward: feedForward,
      preAttentionNorm: rms("model.layers.\(index).input_layernorm"),
      preFeedForwardNorm: rms("model.layers.\(index).post_attention_layernorm"))
  }
}
