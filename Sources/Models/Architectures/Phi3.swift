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
      func fused(_ name: String, _ outputs: Int) -> Linear {
        Linear(path: reader.naming.place("\(path).\(name)"), outputs: outputs, inputs: config.hidden)
      }
      attention.queryKeyValue = [fused("self_attn.qkv_proj", attention.queryWidth + 2 * attention.keyValueWidth)]
      var mlp = config.gatedMLP("\(path).mlp", activation: activation)
      mlp.input = [fused("mlp.gate_up_proj", 2 * mlp.size)]
      return config.layer(index, attention: attention, feedForward: .dense(mlp))
    }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }
}
