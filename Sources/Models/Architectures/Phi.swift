// SPDX-License-Identifier: Apache-2.0
// Phi 1 to 2: attention and MLP side by side on one layer norm, part of each head rotated, biases everywhere.

/// `model_type: phi`.
enum Phi {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, epsilonKey: "layer_norm_eps", defaultEpsilon: 1e-5)
    guard try !reader.bool("qk_layernorm", default: false) else {
      throw .unsupportedFeature(name: "qk_layernorm")
    }
    guard !config.isTied else { throw .unsupportedFeature(name: "tie_word_embeddings, for an output with a bias") }
    let activation = try config.activation(default: "gelu_new")
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      return LayerDescription(
        attention: config.attention(
          "\(path).self_attn", inputBias: true, outputBias: true, outputName: "dense"),
        feedForward: .dense(
          config.plainMLP("\(path).mlp", up: "fc1", down: "fc2", activation: activation, bias: true)),
        preAttentionNorm: config.layerNorm("\(path).input_layernorm"), isParallel: true)
    }
    return config.architecture(
      layers: layers, ropes: [try config.rope(partial: 0.5)],
      finalNorm: config.layerNorm("model.final_layernorm"), outputBias: true)
  }
}
