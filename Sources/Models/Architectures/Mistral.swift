// SPDX-License-Identifier: Apache-2.0
// Mistral 7B and its kin: Llama with a sliding window (v0.1), in some layers (Ministral) or without one (later).

/// `model_type: mistral`, `ministral` and `ministral3`.
enum Mistral {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    try describe(reader, window: 4096)
  }

  /// Ministral 3 stretches its queries by 1 + beta ln(1 + floor(position / original context)): by nothing within the original
  /// context, and beyond it is not read.
  static func describeThird(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    var architecture = try describe(reader, window: nil)
    let rope = try reader.nested("rope_parameters")
    if try rope?.double("llama_4_scaling_beta", in: 0...1e3, default: 0) ?? 0 > 0 {
      let key = "original_max_position_embeddings"
      let original = try rope?.int(key, in: 1...Limits.context, default: architecture.contextLength)
      architecture.contextLength = min(architecture.contextLength, original ?? architecture.contextLength)
      architecture.contextBound = architecture.contextLength
    }
    return architecture
  }

  /// - Parameter window: what holds when the config does not speak of one.
  private static func describe(_ reader: ConfigReader, window: Int?) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let activation = try config.activation()
    let windows = try config.windows(try config.slidingWindow(default: window)) { _ in true }
    let layers = (0..<config.layerCount).map { index in
      config.layer(
        index, attention: config.attention("model.layers.\(index).self_attn", window: windows[index]),
        feedForward: .dense(config.gatedMLP("model.layers.\(index).mlp", activation: activation)))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}
