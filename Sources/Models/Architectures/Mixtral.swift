// SPDX-License-Identifier: Apache-2.0
// Mixtral: Mistral with a mixture of experts in every layer; the chosen probabilities sum up to one.

/// `model_type: mixtral`.
enum Mixtral {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader, defaultEpsilon: 1e-5)
    let activation = try config.activation()
    let windows = try config.windows(try config.slidingWindow()) { _ in true }
    let count = try reader.int("num_local_experts", in: 1...Limits.experts, default: 8)
    let perToken = try reader.int("num_experts_per_tok", in: 1...count, default: 2)
    let (wide, narrow) = (config.intermediate, config.hidden)
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index).block_sparse_moe"
      func expert(_ name: String, _ stackedName: String, _ outputs: Int, _ inputs: Int) -> ExpertLinear {
        ExpertLinear(
          eachPath: "\(path).experts.*.\(name)", stackedPath: "\(path).switch_mlp.\(stackedName)",
          outputs: outputs, inputs: inputs)
      }
      let experts = MixtureOfExperts(
        router: Linear(path: "\(path).gate", outputs: count, inputs: narrow), count: count, perToken: perToken,
        normalizesChosen: true, size: wide, activation: activation,
        gate: expert("w1", "gate_proj", wide, narrow), up: expert("w3", "up_proj", wide, narrow),
        down: expert("w2", "down_proj", narrow, wide))
      return config.layer(
        index, attention: config.attention("model.layers.\(index).self_attn", window: windows[index]),
        feedForward: .experts(experts))
    }
    return config.architecture(
      layers: layers, ropes: [try config.rope(defaultTheta: 1e6)], finalNorm: config.rms("model.norm"))
  }
}
