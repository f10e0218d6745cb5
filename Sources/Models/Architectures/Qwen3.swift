// SPDX-License-Identifier: Apache-2.0
// Qwen 3: Qwen 2 without biases, with a norm over each query and key head.

/// `model_type: qwen3`.
enum Qwen3 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let activation = try config.activation()
    let attention = try config.normedAttention(windows: try config.lateWindows())
    let layers = (0..<config.layerCount).map { index in
      config.layer(
        index, attention: attention(index),
        feedForward: .dense(config.gatedMLP("model.layers.\(index).mlp", activation: activation)))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}

extension DecoderConfig {
  /// Qwen 3's attention for a layer's index.
  func normedAttention(windows: [Int?]) throws(ModelProblem) -> (Int) -> Attention {
    let bias = try reader.bool("attention_bias", default: false)
    return { index in
      let path = "model.layers.\(index).self_attn"
      var attention = self.attention(path, inputBias: bias, outputBias: bias, window: windows[index])
      attention.queryNorm = perHead("\(path).q_norm")
      attention.keyNorm = perHead("\(path).k_norm")
      return attention
    }
  }
}
