// SPDX-License-Identifier: Apache-2.0
// OLMo 2: no norm before the halves but one after each, and norms over all queries and all keys.

/// `model_type: olmo2`.
enum OLMo2 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, defaultEpsilon: 1e-5)
    let activation = try config.activation()
    let bias = try reader.bool("attention_bias", default: false)
    func whole(_ path: String, _ size: Int) -> HeadNorm {
      HeadNorm(norm: Norm(path: path, size: size, epsilon: config.epsilon), perHead: false)
    }
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      var attention = config.attention("\(path).self_attn", inputBias: bias, outputBias: bias)
      attention.queryNorm = whole("\(path).self_attn.q_norm", attention.queryWidth)
      attention.keyNorm = whole("\(path).self_attn.k_norm", attention.keyValueWidth)
      return LayerDescription(
        attention: attention, feedForward: .dense(config.gatedMLP("\(path).mlp", activation: activation)),
        postAttentionNorm: config.rms("\(path).post_attention_layernorm"),
        postFeedForwardNorm: config.rms("\(path).post_feedforward_layernorm"))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}
