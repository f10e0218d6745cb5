// SPDX-License-Identifier: Apache-2.0
// Gemma 3 (text): Gemma 2 with norms on queries and keys in place of the soft cap on scores, which its reference ignores where a
// config has one; several local layers with their own rope base, then a global one. EmbeddingGemma is the same, seeing both ways.

/// `model_type: gemma3_text`.
enum Gemma3 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, isTied: true)
    let isBidirectional = try reader.bool("use_bidirectional_attention", default: false)
    let activation = try config.activation("hidden_activation", default: "gelu_pytorch_tanh")
    let hiddenPeriod = try reader.int("_sliding_window_pattern", in: 1...Limits.layers, default: 6)
    let period = try reader.int("sliding_window_pattern", in: 1...Limits.layers, default: hiddenPeriod)
    let size = try reader.int("sliding_window", in: 1...Limits.context, default: 4096)
    // Of a window that lies before and behind a token each half counts the token itself.
    let windows = try config.windows(isBidirectional ? size / 2 + 1 : size) { ($0 + 1) % period != 0 }
    let scalar = try reader.double("query_pre_attn_scalar", in: 1e-6...1e6, default: 256)
    let bias = try reader.bool("attention_bias", default: false)
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index).self_attn"
      var attention = config.attention(path, inputBias: bias, outputBias: bias, window: windows[index])
      attention.scale = Float(1 / scalar.squareRoot())
      attention.queryNorm = config.perHead("\(path).q_norm", offset: 1)
      attention.keyNorm = config.perHead("\(path).k_norm", offset: 1)
      attention.rope = windows[index] == nil ? 0 : 1
      return config.sandwichLayer(
        index, attention: attention, mlp: config.gatedMLP("model.layers.\(index).mlp", activation: activation))
    }
    var architecture = config.architecture(
      layers: layers, ropes: [try config.rope("full_attention", defaultTheta: 1e6), try localRope(reader, config)],
      finalNorm: config.rms("model.norm", offset: 1))
    architecture.isBidirectional = isBidirectional
    architecture.embedding.scale = config.embeddingScale
    architecture.output.softCap = try reader.optionalDouble("final_logit_softcapping", in: 1e-6...1e6)
      .map { Float($0) }
    return architecture
  }

  /// The local layers' embedding: never scaled, with a base of its own.
  private static func localRope(_ reader: ConfigReader, _ config: DecoderConfig) throws(ModelProblem) -> Rope {
    if reader.has("rope_parameters") { return try config.rope("sliding_attention") }
    let theta = try reader.double("rope_local_base_freq", in: 1.0001...1e15, default: 10000)
    return Rope(theta: theta, size: config.headSize)
  }
}
