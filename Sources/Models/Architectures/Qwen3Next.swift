// SPDX-License-Identifier: Apache-2.0
// Qwen3-Next: three gated delta-net layers for each layer of gated attention, and experts with a shared one.

/// `model_type: qwen3_next`.
enum Qwen3Next {
  static func describe(_ reader: ConfigReader) throws(ModelProblem) -> Architecture {
    let config = try DecoderConfig(reader)
    let attends = try attendingLayers(config)
    let bias = try reader.bool("attention_bias", default: false)
    let net = try deltaNet(config)
    let half = try Qwen3MoE.feedForward(config, sharedSizeKey: "shared_expert_intermediate_size")
    let layers = (0..<config.layerCount).map { index in
      let path = "model.layers.\(index)"
      return LayerDescription(
        mixer: attends[index]
          ? .attention(attention("\(path).self_attn", config, bias: bias)) : .deltaNet(net("\(path).linear_attn")),
        feedForward: half(index), preAttentionNorm: config.rms("\(path).input_layernorm", offset: 1),
        preFeedForwardNorm: config.rms("\(path).post_attention_layernorm", offset: 1))
    }
    return config.architecture(
      layers: layers, ropes: [try config.rope(partial: 0.25)], finalNorm: config.rms("model.norm", offset: 1))
  }

  /// Which layers are attention.
  private static func attendingLayers(_ config: DecoderConfig) throws(ModelProblem) -> [Bool] {
    guard let types = try config.reader.strings("layer_types") else {
      let interval = try config.reader.int("full_attention_interval", in: 1...Limits.layers, default: 4)
      return (0..<config.layerCount).map { ($0 + 1) % interval == 0 }
    }
    guard types.count == config.layerCount else {
      throw config.reader.problem("layer_types", "\(types.count) entries for \(config.layerCount) layers")
    }
    for type in types where type != "full_attention" && type != "linear_attention" {
      throw .unsupportedFeature(name: "layer type \"\(type.prefix(64))\"")
    }
    return types.map { $0 == "full_attention" }
  }

  private static func attention(_ path: String, _ config: DecoderConfig, bias: Bool) -> Attention {
    var attention = config.attention(path, inputBias: bias, outputBias: bias)
    attention.isGated = true
    attention.queryKeyValue[0].outputs *= 2
    attention.queryNorm = config.perHead("\(path).q_norm", offset: 1)
    attention.keyNorm = config.perHead("\(path).k_norm", offset: 1)
    return attention
  }

  /// The recurrent mixer below a path.
  private static func deltaNet(_ config: DecoderConfig) throws(ModelProblem) -> (String) -> GatedDeltaNet {
    let reader = config.reader
    let keyHeads = try reader.int("linear_num_key_heads", in: 1...Limits.heads, default: 16)
    let valueHeads = try reader.int("linear_num_value_heads", in: 1...Limits.heads, default: 32)
    let keySize = try reader.int("linear_key_head_dim", in: 1...Limits.headSize, default: 128)
    let valueSize = try reader.int("linear_value_head_dim", in: 1...Limits.headSize, default: 128)
    let kernel = try reader.int("linear_conv_kernel_dim", in: 2...64, default: 4)
    guard valueHeads % keyHeads == 0 else {
      throw reader.problem("linear_num_value_heads", "\(valueHeads) heads cannot share \(keyHeads) keys")
    }
    let (keyWidth, valueWidth) = (keyHeads * keySize, valueHeads * valueSize)
    guard keyWidth <= Limits.width, valueWidth <= Limits.width else {
      throw reader.problem("linear_num_value_heads", "the heads are wider than \(Limits.width) together")
    }
    return { path in
      GatedDeltaNet(
        keyHeads: keyHeads, valueHeads: valueHeads, keySize: keySize, valueSize: valueSize, kernel: kernel,
        input: Linear(path: "\(path).in_proj_qkvz", outputs: 2 * keyWidth + 2 * valueWidth, inputs: config.hidden),
        rates: Linear(path: "\(path).in_proj_ba", outputs: 2 * valueHeads, inputs: config.hidden),
        convolution: "\(path).conv1d.weight", decay: "\(path).A_log", timeBias: "\(path).dt_bias",
        norm: Norm(path: "\(path).norm", size: valueSize, epsilon: config.epsilon),
        output: Linear(path: "\(path).out_proj", outputs: config.hidden, inputs: valueWidth))
    }
  }
}
