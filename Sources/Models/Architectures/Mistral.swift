// SPDX-License-Identifier: Apache-2.0
// Mistral 7B and its kin: Llama with a sliding window (v0.1) or without one (later).

/// `model_type: mistral`.
enum Mistral {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let activation = try config.activation()
    let windows = try config.windows(try config.slidingWindow(default: 4096)) { _ in true }
    let layers = (0..<config.layerCount).map { index in
      config.layer(
        index, attention: config.attention("model.layers.\(index).self_attn", window: windows[index]),
        feedForward: .dense(config.gatedMLP("model.layers.\(index).mlp", activation: activation)))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}
