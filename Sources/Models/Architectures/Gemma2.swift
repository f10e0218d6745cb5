// SPDX-License-Identifier: Apache-2.0
// Gemma 2: norms before and after both halves (stored as weight - 1), soft caps on scores and
// logits, embeddings scaled by sqrt(hidden), every even layer slides.

/// `model_type: gemma2`.
enum Gemma2 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, isTied: true)
    let activation = try config.activation("hidden_activation", default: "gelu_pytorch_tanh")
    let windows = try config.windows(try reader.int("sliding_window", in: 1...Limits.context, default: 4096)) {
      $0 % 2 == 0
    }
    let scalar = try reader.double("query_pre_attn_scalar", in: 1e-6...1e6, default: 256)
    let bias = try reader.bool("attention_bias", default: false)
    let cap = try reader.optionalDouble("attn_logit_softcapping", in: 1e-6...1e6)
    let layers = (0..<config.layerCount).map { index in
      var attention = config.attention(
        "model.layers.\(index).self_attn", inputBias: bias, outputBias: bias, window: windows[index])
      attention.scale = Float(1 / scalar.squareRoot())
      attention.softCap = cap.map { Float($0) }
      return config.sandwichLayer(
        index, attention: attention, mlp: config.gatedMLP("model.layers.\(index).mlp", activation: activation))
    }
    var architecture = config.architecture(
      layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm", offset: 1))
    architecture.embedding.scale = config.embeddingScale
    architecture.output.softCap = try reader.optionalDouble("final_logit_softcapping", in: 1e-6...1e6)
      .map { Float($0) }
    return architecture
  }
}

extension DecoderConfig {
  /// sqrt(hidden), in float32; the reference rounds it when it computes in half precision.
  var embeddingScale: Float { Float(hidden).squareRoot() }

  /// A layer with Gemma's four norms.
  func sandwichLayer(_ index: Int, attention: Attention, mlp: MLP) -> LayerDescription {
    let path = "model.layers.\(index)"
    return LayerDescription(
      attention: attention, feedForward: .dense(mlp),
      preAttentionNorm: rms("\(path).input_layernorm", offset: 1),
      postAttentionNorm: rms("\(path).post_attention_layernorm", offset: 1),
      preFeedForwardNorm: rms("\(path).pre_feedforward_layernorm", offset: 1),
      postFeedForwardNorm: rms("\(path).post_feedforward_layernorm", offset: 1))
  }
}
