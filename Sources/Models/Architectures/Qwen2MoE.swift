// SPDX-License-Identifier: Apache-2.0
// Qwen 1.5 and 2 with a mixture of experts and one that every position passes, behind a gate. Where they have windows, the first layers
// do, and of these every other one.

/// `model_type: qwen2_moe`.
enum Qwen2MoE {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let bias = try reader.bool("qkv_bias", default: true)
    let slides = try reader.bool("use_sliding_window", default: false)
    let first = try reader.int("max_window_layers", in: 0...Limits.layers, default: 28)
    let windows = try config.windows(slides ? try config.slidingWindow(default: 4096) : nil) {
      slides && $0 % 2 == 0 && $0 < first
    }
    let half = try Qwen3MoE.feedForward(config, sharedSizeKey: "shared_expert_intermediate_size")
    let layers = (0..<config.layerCount).map { index in
      config.layer(
        index, attention: config.attention("model.layers.\(index).self_attn", inputBias: bias, window: windows[index]),
        feedForward: half(index))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}
