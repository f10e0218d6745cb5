// SPDX-License-Identifier: Apache-2.0
// gpt-oss: a mixture of experts in every layer, attention with sinks, windows in every other layer.

/// `model_type: gpt_oss`.
enum GptOss {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, defaultEpsilon: 1e-5)
    let bias = try reader.bool("attention_bias", default: true)
    let windows = try config.windows(try config.slidingWindow(default: 128)) { $0 % 2 == 0 }
    let count = try reader.int("num_local_experts", in: 1...Limits.experts)
    let perToken = try reader.int("num_experts_per_tok", in: 1...count, default: min(4, count))
    let limit = try reader.double("swiglu_limit", in: 1e-3...1e6, default: 7)
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      var attention = config.attention(
        "\(path).self_attn", inputBias: bias, outputBias: bias, window: windows[index])
      attention.sinks = "\(path).self_attn.sinks"
      return config.layer(
        index, attention: attention,
        feedForward: .experts(experts("\(path).mlp", config, count, perToken, Float(limit))))
    }
    return config.architecture(
      layers: layers, ropes: [try config.rope(defaultTheta: 150000)], finalNorm: config.rms("model.norm"))
  }

  private static func experts(
    _ path: String, _ config: DecoderConfig, _ count: Int, _ perToken: Int, _ limit: Float
  ) -> MixtureOfExperts {
    func expert(_ name: String, _ fused: String, _ part: Int, of parts: Int, _ outputs: Int, _ inputs: Int)
      -> ExpertLinear
    {
      ExpertLinear(
        eachPath: "\(path).experts.*.\(name)", stackedPath: "\(path).experts.\(name)", outputs: outputs,
        inputs: inputs, bias: true,
        interleaved: InterleavedExperts(path: "\(path).experts.\(fused)", part: part, parts: parts))
    }
    let (wide, narrow) = (config.intermediate, config.hidden)
    return MixtureOfExperts(
      router: Linear(path: "\(path).router", outputs: count, inputs: narrow, bias: true), count: count,
      perToken: perToken, normalizesChosen: true, size: wide, activation: .clampedSwiGLU(limit: limit),
      gate: expert("gate_proj", "gate_up_proj", 0, of: 2, wide, narrow),
      up: expert("up_proj", "gate_up_proj", 1, of: 2, wide, narrow),
      down: expert("down_proj", "down_proj", 0, of: 1, narrow, wide))
  }
}
