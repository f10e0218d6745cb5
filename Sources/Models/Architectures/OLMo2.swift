// SPDX-License-Identifier: Apache-2.0
// OLMo 2: no norm before the halves but one after each, and norms over all queries and all keys. OLMo 3 has windows
// in three of four layers.

/// `model_type: olmo2` and `olmo3`.
enum OLMo2 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, defaultEpsilon: 1e-5)
    let none = [Int?](repeating: nil, count: config.layerCount)
    return try describe(config, windows: none, ropes: [try config.rope()])
  }

  static func describeThird(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, defaultEpsilon: 1e-5)
    let windows = try config.windows(try config.slidingWindow(default: 4096)) { ($0 + 1) % 4 != 0 }
    let whole = try config.rope("full_attention", defaultTheta: 5e5)
    // What stretches the context leaves the layers with windows alone.
    let isNamed = try reader.nested("rope_parameters")?.has("sliding_attention") ?? false
    let near =
      isNamed ? try config.rope("sliding_attention", defaultTheta: 5e5) : Rope(theta: whole.theta, size: whole.size)
    return try describe(config, windows: windows, ropes: [whole, near])
  }

  /// - Parameter ropes: that of layers without a window, then that of layers with one.
  private static func describe(
    _ config: DecoderConfig, windows: [Int?], ropes: [Rope]
  ) throws(ModelProblem) -> Architecture {
    let reader = config.reader
    let activation = try config.activation()
    let bias = try reader.bool("attention_bias", default: false)
    func whole(_ path: String, _ size: Int) -> HeadNorm {
      HeadNorm(norm: Norm(path: path, size: size, epsilon: config.epsilon), perHead: false)
    }
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      var attention = config.attention("\(path).self_attn", inputBias: bias, outputBias: bias, window: windows[index])
      attention.rope = windows[index] == nil ? 0 : 1
      attention.queryNorm = whole("\(path).self_attn.q_norm", attention.queryWidth)
      attention.keyNorm = whole("\(path).self_attn.k_norm", attention.keyValueWidth)
      return LayerDescription(
        attention: attention, feedForward: .dense(config.gatedMLP("\(path).mlp", activation: activation)),
        postAttentionNorm: config.rms("\(path).post_attention_layernorm"),
        postFeedForwardNorm: config.rms("\(path).post_feedforward_layernorm"))
    }
    return config.architecture(layers: layers, ropes: ropes, finalNorm: config.rms("model.norm"))
  }
}
