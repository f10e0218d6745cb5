// SPDX-License-Identifier: Apache-2.0
// Qwen 2 and 2.5: Llama with biases on queries, keys and values (no key of the config says so);
// with `use_sliding_window` the layers from `max_window_layers` on slide.

/// `model_type: qwen2`.
enum Qwen2 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let activation = try config.activation()
    let windows = try config.lateWindows()
    let layers = (0..<config.layerCount).map { index in
      config.layer(
        index,
        attention: config.attention("model.layers.\(index).self_attn", inputBias: true, window: windows[index]),
        feedForward: .dense(config.gatedMLP("model.layers.\(index).mlp", activation: activation)))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}

extension DecoderConfig {
  /// Windows by Qwen's rule.
  func lateWindows() throws(ModelProblem) -> [Int?] {
    let first = try reader.int("max_window_layers", in: 0...Limits.layers, default: 28)
    let slides = try reader.bool("use_sliding_window", default: false)
    return try windows(slides ? try slidingWindow(default: 4096) : nil) { slides && $0 >= first }
  }
}
