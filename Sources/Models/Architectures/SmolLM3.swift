// SPDX-License-Identifier: Apache-2.0
// SmolLM3: Llama with every fourth layer left without rotation.

/// `model_type: smollm3`.
enum SmolLM3 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, isTied: true)
    let activation = try config.activation()
    let attentionBias = try reader.bool("attention_bias", default: false)
    let mlpBias = try reader.bool("mlp_bias", default: false)
    let slides = try reader.bool("use_sliding_window", default: false)
    let rotates = try rotations(config)
    // Of themselves only the layers that are not rotated slide.
    let windows = try config.windows(slides ? try config.slidingWindow() : nil) { slides && !rotates[$0] }
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      var attention = config.attention(
        "\(path).self_attn", inputBias: attentionBias, outputBias: attentionBias, window: windows[index])
      if !rotates[index] { attention.rope = nil }
      return config.layer(
        index, attention: attention,
        feedForward: .dense(config.gatedMLP("\(path).mlp", activation: activation, bias: mlpBias)))
    }
    return config.architecture(
      layers: layers, ropes: [try config.rope(defaultTheta: 2e6)], finalNorm: config.rms("model.norm"))
  }

  /// `no_rope_layers` holds 1 for a layer that is rotated, in spite of its name.
  private static func rotations(_ config: DecoderConfig) throws(ModelProblem) -> [Bool] {
    if let flags = try config.reader.numbers("no_rope_layers", in: 0...1) {
      guard flags.count == config.layerCount else {
        throw config.reader.problem("no_rope_layers", "\(flags.count) entries for \(config.layerCount) layers")
      }
      return flags.map { $0 != 0 }
    }
    let interval = try config.reader.int("no_rope_layer_interval", in: 1...Limits.layers, default: 4)
    return (0..<config.layerCount).map { ($0 + 1) % interval != 0 }
  }
}
