// SPDX-License-Identifier: Apache-2.0
// StarCoder 2: layer norms and biases, a plain MLP with gelu, tied embeddings, often a sliding window.

/// `model_type: starcoder2`.
enum StarCoder2 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, epsilonKey: "norm_epsilon", defaultEpsilon: 1e-5, isTied: true)
    let kind = try reader.optionalString("norm_type") ?? "layer_norm"
    guard kind == "layer_norm" else { throw .unsupportedFeature(name: "norm type \"\(kind.prefix(64))\"") }
    let activation = try config.activation(default: "gelu_pytorch_tanh")
    let bias = try reader.bool("use_bias", default: true)
    let windows = try config.windows(try config.slidingWindow()) { _ in true }
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      return LayerDescription(
        attention: config.attention(
          "\(path).self_attn", inputBias: bias, outputBias: bias, window: windows[index]),
        feedForward: .dense(
          config.plainMLP("\(path).mlp", up: "c_fc", down: "c_proj", activation: activation, bias: bias)),
        preAttentionNorm: config.layerNorm("\(path).input_layernorm"),
        preFeedForwardNorm: config.layerNorm("\(path).post_attention_layernorm"))
    }
    return config.architecture(
      layers: layers, ropes: [try config.rope()], finalNorm: config.layerNorm("model.norm"))
  }
}
