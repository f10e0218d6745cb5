// SPDX-License-Identifier: Apache-2.0
// Phi 3 and 4: Llama with fused projections (`qkv_proj`, `gate_up_proj`) and often longrope scaling.

/// `model_type: phi3`.
enum Phi3 {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, defaultEpsilon: 1e-5)
    let activation = try config.activation()
    let windows = try config.windows(try config.slidingWindow()) { _ in true }
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      var attention = config.attention("\(path).self_attn", window: windows[index])
      attention.queryKeyValue = [
        Linear(
          path: "\(path).self_attn.qkv_proj", outputs: attention.queryWidth + 2 * attention.keyValueWidth,
          inputs: config.hidden)
      ]
      var mlp = config.gatedMLP("\(path).mlp", activation: activation)
      mlp.input = [Linear(path: "\(path).mlp.gate_up_proj", outputs: 2 * mlp.size, inputs: config.hidden)]
      return config.layer(index, attention: attention, feedForward: .dense(mlp))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}
