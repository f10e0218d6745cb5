// SPDX-License-Identifier: Apache-2.0
// Qwen 3 with a mixture of experts in place of the MLP of most layers.

/// `model_type: qwen3_moe`.
enum Qwen3MoE {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    // Every layer slides or none: `max_window_layers` does not count here.
    let slides = try reader.bool("use_sliding_window", default: false)
    let window = slides ? try config.slidingWindow(default: 4096) : nil
    let attention = try config.normedAttention(windows: Array(repeating: window, count: config.layerCount))
    let half = try feedForward(config)
    let layers = (0..<config.layerCount).map { config.layer($0, attention: attention($0), feedForward: half($0)) }
    return config.architecture(layers: layers, ropes: [try config.rope()], finalNorm: config.rms("model.norm"))
  }

  /// The second half of a layer by its index, shared with Qwen3-Next.
  /// - Parameter sharedSizeKey: name of the width of an expert every position passes; nil when there is none.
  static func feedForward(
    _ config: DecoderConfig, sharedSizeKey: String? = nil
  ) throws(ModelProblem) -> (Int) -> FeedForward {
    let reader = config.reader
    let activation = try config.activation()
    let step = try reader.int("decoder_sparse_step", in: 1...Limits.layers, default: 1)
    let dense = Set(try reader.numbers("mlp_only_layers", in: 0...Double(Limits.layers)) ?? [])
    // transformers 5 writes the one name, 4 the other.
    let countKey = reader.has("num_local_experts") ? "num_local_experts" : "num_experts"
    let count = try reader.int(countKey, in: 0...Limits.experts)
    let perToken = try reader.int("num_experts_per_tok", in: 1...Limits.experts, default: 8)
    let size = try reader.int("moe_intermediate_size", in: 1...Limits.width)
    let normalizes = try reader.bool("norm_topk_prob", default: false)
    let sharedSize = try sharedSizeKey.map { key throws(ModelProblem) in try reader.int(key, in: 0...Limits.width) }
    guard count == 0 || perToken <= count else {
      throw reader.problem("num_experts_per_tok", "\(perToken) of \(count) experts cannot be chosen")
    }
    return { index in
      let path = "model.layers.\(index).mlp"
      if count == 0 || dense.contains(Double(index)) || (index + 1) % step != 0 {
        return .dense(config.gatedMLP(path, activation: activation))
      }
      func expert(_ name: String, _ outputs: Int, _ inputs: Int) -> ExpertLinear {
        ExpertLinear(
          eachPath: "\(path).experts.*.\(name)", stackedPath: "\(path).switch_mlp.\(name)", outputs: outputs,
          inputs: inputs)
      }
      var mixture = MixtureOfExperts(
        router: Linear(path: "\(path).gate", outputs: count, inputs: config.hidden), count: count,
        perToken: perToken, normalizesChosen: normalizes, size: size, activation: activation,
        gate: expert("gate_proj", size, config.hidden), up: expert("up_proj", size, config.hidden),
        down: expert("down_proj", config.hidden, size))
      if let sharedSize, sharedSize > 0 {
        mixture.shared = SharedExpert(
          mlp: config.gatedMLP("\(path).shared_expert", activation: activation, size: sharedSize),
          gate: Linear(path: "\(path).shared_expert_gate", outputs: 1, inputs: config.hidden))
      }
      return .experts(mixture)
    }
  }
}
