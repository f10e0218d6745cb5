// SPDX-License-Identifier: Apache-2.0
// Granite 3: Llama with multipliers on the embedding, the attention scores and the residual
// stream, and logits divided by `logits_scaling`.

/// `model_type: granite`.
enum Granite {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let activation = try config.activation()
    let attentionBias = try reader.bool("attention_bias", default: false)
    let mlpBias = try reader.bool("mlp_bias", default: false)
    let factors = 1e-6...1e6
    let attentionScale = try reader.double("attention_multiplier", in: factors, default: 1)
    let residualScale = try reader.double("residual_multiplier", in: factors, default: 1)
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      var attention = config.attention("\(path).self_attn", inputBias: attentionBias, outputBias: attentionBias)
      attention.scale = Float(attentionScale)
      var layer = config.layer(
        index, attention: attention,
        feedForward: .dense(config.gatedMLP("\(path).mlp", activation: activation, bias: mlpBias)))
      layer.residualScale = Float(residualScale)
      return layer
    }
    var architecture = config.architecture(
      layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
    architecture.embedding.scale = Float(try reader.double("embedding_multiplier", in: factors, default: 1))
    architecture.output.scale = Float(1 / (try reader.double("logits_scaling", in: factors, default: 1)))
    return architecture
  }
}
