// SPDX-License-Identifier: Apache-2.0
// DeepSeek V2 and V3: latent attention, and many small experts with shared ones beside them.

internal import Glibc

/// `model_type: deepseek_v2`, and `deepseek_v3`, which is Kimi K2 (`kimi_k2`) too.
enum DeepSeek {
  static func describeV2(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    try describe(reader, isV3: false)
  }

  static func describeV3(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    try describe(reader, isV3: true)
  }

  private static func describe(_ reader: ConfigReader, isV3: Bool) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let attention = try Attentions(config)
    let experts = try Experts(config, isV3: isV3)
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      return LayerDescription(
        mixer: .latent(attention.layer("\(path).self_attn")), feedForward: experts.layer(index, "\(path).mlp"),
        preAttentionNorm: config.rms("\(path).input_layernorm"),
        preFeedForwardNorm: config.rms("\(path).post_attention_layernorm"))
    }
    var rope = try reader.rope(headSize: attention.rope, contextLength: config.context)
    rope.isInterleaved = isV3 ? try reader.bool("rope_interleave", default: true) : true
    return config.architecture(layers: layers, ropes: [rope], finalNorm: config.rms("model.norm"))
  }

  /// The sizes of latent attention.
  private struct Attentions {
    let config: DecoderConfig
    let plain: Int
    let rope: Int
    let value: Int
    let rank: Int
    let queryRank: Int?
    let bias: Bool
    let scale: Float

    init(_ config: DecoderConfig) throws(ModelProblem) {
      self.config = config
      let (reader, sizes) = (config.reader, 1...Limits.headSize)
      plain = try reader.int("qk_nope_head_dim", in: sizes, default: 128)
      rope = try reader.int("qk_rope_head_dim", in: sizes, default: 64)
      value = try reader.int("v_head_dim", in: sizes, default: 128)
      rank = try reader.int("kv_lora_rank", in: sizes, default: 512)
      queryRank = try reader.optionalInt("q_lora_rank", in: 1...Limits.width)
      bias = try reader.bool("attention_bias", default: false)
      scale = try 1 / Float(plain + rope).squareRoot() * Self.stretching(reader)
    }

    /// The square of YaRN's temperature, when the config scales all dimensions by it.
    private static func stretching(_ reader: ConfigReader) throws(ModelProblem) -> Float {
      let (new, old) = (try reader.nested("rope_parameters"), try reader.nested("rope_scaling"))
      guard let scaling = new ?? old else { return 1 }
      let all = try scaling.double("mscale_all_dim", in: 0...1e3, default: 0)
      let factor = try scaling.double("factor", in: 1e-3...1e6, default: 1)
      guard all > 0, factor > 1 else { return 1 }
      let temperature = 0.1 * all * log(factor) + 1
      return Float(temperature * temperature)
    }

    func layer(_ path: String) -> LatentAttention {
      let (heads, hidden) = (config.heads, config.hidden)
      let wide = heads * (plain + rope)
      func norm(_ name: String, _ size: Int) -> Norm {
        Norm(path: "\(path).\(name)", size: size, epsilon: 1e-6)
      }
      func part(_ name: String, _ outputs: Int, _ inputs: Int) -> ExpertLinear {
        ExpertLinear(
          eachPath: "\(path).\(name).*", stackedPath: "\(path).\(name)", outputs: outputs, inputs: inputs)
      }
      let query: LatentQuery =
        if let queryRank {
          .narrow(
            down: Linear(path: "\(path).q_a_proj", outputs: queryRank, inputs: hidden, bias: bias),
            norm: norm("q_a_layernorm", queryRank),
            up: Linear(path: "\(path).q_b_proj", outputs: wide, inputs: queryRank))
        } else {
          .direct(Linear(path: "\(path).q_proj", outputs: wide, inputs: hidden))
        }
      return LatentAttention(
        heads: heads, plainSize: plain, ropeSize: rope, valueSize: value, rank: rank, query: query,
        compression: Linear(path: "\(path).kv_a_proj_with_mqa", outputs: rank + rope, inputs: hidden, bias: bias),
        compressionNorm: norm("kv_a_layernorm", rank),
        expansion: Linear(path: "\(path).kv_b_proj", outputs: heads * (plain + value), inputs: rank),
        keyExpansion: part("embed_q", rank, plain), valueExpansion: part("unembed_out", value, rank),
        output: Linear(path: "\(path).o_proj", outputs: hidden, inputs: heads * value, bias: bias), scale: scale,
        rope: 0)
    }
  }

  /// Which layers have experts, and how they are chosen.
  private struct Experts {
    let config: DecoderConfig
    let isV3: Bool
    let count: Int
    let perToken: Int
    let sharedCount: Int
    let size: Int
    let firstMixed: Int
    let every: Int
    let normalizes: Bool
    let scale: Float
    let scoring: MixtureOfExperts.Scoring
    let groups: ExpertGroups?
    let activation: Activation

    init(_ config: DecoderConfig, isV3: Bool) throws(ModelProblem) {
      let reader = config.reader
      self.config = config
      self.isV3 = isV3
      count = try reader.int("n_routed_experts", in: 0...Limits.experts, default: 0)
      perToken = try reader.int("num_experts_per_tok", in: 1...Limits.experts, default: min(8, max(1, count)))
      guard count == 0 || perToken <= count else {
        throw reader.problem("num_experts_per_tok", "\(perToken) of \(count) experts cannot be chosen")
      }
      sharedCount = try reader.int("n_shared_experts", in: 0...Limits.experts, default: 0)
      size = try reader.int("moe_intermediate_size", in: 1...Limits.width, default: config.intermediate)
      firstMixed = try reader.int("first_k_dense_replace", in: 0...Limits.layers, default: 0)
      every = try reader.int("moe_layer_freq", in: 1...Limits.layers, default: 1)
      // V2's reference does not scale the chosen weights to one, whatever its config says.
      normalizes = isV3 ? try reader.bool("norm_topk_prob", default: true) : false
      scale = Float(try reader.double("routed_scaling_factor", in: 1e-6...1e6, default: isV3 ? 2.5 : 1))
      let scores = try reader.optionalString("scoring_func") ?? (isV3 ? "sigmoid" : "softmax")
      switch scores {
      case "softmax": scoring = .softmax
      case "sigmoid": scoring = .sigmoid
      default: throw .unsupportedFeature(name: "scoring of experts \"\(scores.prefix(64))\"")
      }
      groups = try Self.groups(reader, count: count, perToken: perToken, isV3: isV3)
      activation = try config.activation()
    }

    private static func groups(
      _ reader: ConfigReader, count: Int, perToken: Int, isV3: Bool
    ) throws(ModelProblem) -> ExpertGroups? {
      let method = try reader.optionalString("topk_method") ?? (isV3 ? "noaux_tc" : "greedy")
      switch method {
      case "greedy": return nil
      case "group_limited_greedy", "noaux_tc": break
      default: throw .unsupportedFeature(name: "choice of experts \"\(method.prefix(64))\"")
      }
      let groups = try reader.int("n_group", in: 1...Limits.experts, default: isV3 && count % 8 == 0 ? 8 : 1)
      let chosen = try reader.int("topk_group", in: 1...groups, default: isV3 ? min(4, groups) : groups)
      guard groups > 1, chosen < groups else { return nil }
      guard groups <= 64 else { throw .unsupportedFeature(name: "\(groups) groups of experts") }
      guard count % groups == 0 else {
        throw reader.problem("n_group", "\(count) experts cannot be divided into \(groups) groups")
      }
      guard chosen * (count / groups) >= perToken else {
        throw reader.problem("topk_group", "\(chosen) groups hold fewer than \(perToken) experts")
      }
      return ExpertGroups(count: groups, chosen: chosen, ranking: method == "noaux_tc" ? .twoBest : .best)
    }

    func layer(_ index: Int, _ path: String) -> FeedForward {
      guard count > 0, index >= firstMixed, index % every == 0 else {
        return .dense(config.gatedMLP(path, activation: activation))
      }
      func expert(_ name: String, _ outputs: Int, _ inputs: Int) -> ExpertLinear {
        ExpertLinear(
          eachPath: "\(path).experts.*.\(name)", stackedPath: "\(path).switch_mlp.\(name)", outputs: outputs,
          inputs: inputs)
      }
      let hidden = config.hidden
      var mixture = MixtureOfExperts(
        router: Linear(path: "\(path).gate", outputs: count, inputs: hidden), count: count, perToken: perToken,
        scoring: scoring, normalizesChosen: normalizes, weightScale: scale,
        choiceBias: isV3 ? "\(path).gate.e_score_correction_bias" : nil, groups: groups, size: size,
        activation: activation, gate: expert("gate_proj", size, hidden), up: expert("up_proj", size, hidden),
        down: expert("down_proj", hidden, size))
      if sharedCount > 0 {
        mixture.shared = SharedExpert(
          mlp: config.gatedMLP("\(path).shared_experts", activation: activation, size: size * sharedCount))
      }
      return .experts(mixture)
    }
  }
}
