// SPDX-License-Identifier: Apache-2.0
// Configs and weights.

import Basics
import Checkpoints
import Library
import Models
import Tensors

extension FuzzTarget {
  static let config = FuzzTarget(
    name: "config",
    mutator: Mutator(
      dictionary: json + [
        "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4}", "\"rope_scaling\":{\"type\":\"longrope\"}",
        "\"layer_types\":[\"full_attention\"]", "\"sliding_window\":1", "\"num_local_experts\":8", "\"head_dim\":0",
        "\"quantization\":{\"bits\":4,\"group_size\":64}", "\"quantization_config\":{\"quant_method\":\"gptq\"}",
        "\"tie_word_embeddings\":true", "\"num_hidden_layers\":100000", "\"text_config\":{", "\"eos_token_id\":[1,2]",
        "\"model_type\":\"mixtral\"", "\"model_type\":\"gemma3_text\"", "\"model_type\":\"phi3\"",
        "\"model_type\":\"deepseek_v3\"", "\"model_type\":\"gpt_oss\"", "\"model_type\":\"qwen3_next\"",
      ], limit: 1 << 14, isText: true),
    seeds: { fixtures in
      let models = try Files.list("\(fixtures)/models").map { "\(fixtures)/models/\($0)/config.json" }
      let formats = try Files.list("\(fixtures)/formats").map { "\(fixtures)/formats/\($0)/config.json" }
      return try files("\(fixtures)/fuzz/config")
        + (models + formats).filter { Files.isFile($0) }.map { try Files.read($0) }
    },
    run: { input, scratch in
      let config = try JSONReader.parse(input, limits: .lastKeyWins)
      _ = try? GenerationDefaults(generationConfig: config, config: config)
      _ = try? ForeignQuantization.read(config: config.objectValue ?? JSONObject(), folder: scratch)
      _ = try Architecture(config: config)
    })

  static let safetensors = FuzzTarget(
    name: "safetensors",
    mutator: Mutator(
      dictionary: json + [
        "\"dtype\":\"F32\"", "\"dtype\":\"I64\"", "\"dtype\":\"F4\"", "\"shape\":[0]",
        "\"shape\":[4294967296,4294967296]",
        "\"data_offsets\":[0,0]", "\"__metadata__\":{\"a\":\"b\"}", "m.qweight", "m.g_idx", "m.scales",
        "m.weight_shape",
      ], limit: 1 << 14, isText: true),
    seeds: { try files("\($0)/fuzz/safetensors") },
    run: { input, scratch in
      let path = "\(scratch)/model.safetensors"
      try put(input, at: path)
      let file = try SafetensorsFile(path)
      for name in file.names {
        guard let view = file.tensor(name), view.shape.elementCount < 1 << 20 else { continue }
        _ = try? view.floats()
      }
      for method in ["gptq", "awq", "compressed-tensors", "fp8"] {
        let config: JSONObject = ["quantization_config": ["quant_method": .string(method), "group_size": 32]]
        guard let settings = try ForeignQuantization.read(config: config, folder: scratch) else { continue }
        guard let found = try? ForeignCheckpoint(file, settings) else { continue }
        for item in found.items { read(item) }
      }
    })

  private static func read(_ item: ForeignCheckpoint.Item) {
    switch item {
    case .integers(let matrix):
      guard let (scales, zeros) = try? matrix.parameters() else { return }
      _ = matrix.affine
      _ = try? matrix.exactType()
      _ = matrix.values(0..<matrix.outputs, scales: scales, zeros: zeros)
    case .floats(let matrix): _ = matrix.values(0..<matrix.outputs)
    case .other: return
    }
  }

  static let gguf = FuzzTarget(
    name: "gguf",
    mutator: Mutator(
      dictionary: [
        "llama", "qwen2", "gemma2", "phi3", "general.architecture", "general.alignment", "tokenizer.ggml.tokens",
        "blk.0.attn_q.weight", "token_embd.weight", "rope_freqs.weight", "llama.rope.scaling.type", "split.count",
        "GGUF",
        "\u{9}\u{0}\u{0}\u{0}\u{8}\u{0}\u{0}\u{0}",
      ], isText: false),
    seeds: { try files("\($0)/fuzz/gguf") },
    run: { input, scratch in
      let path = "\(scratch)/model.gguf"
      try put(input, at: path)
      let file = try GGUFFile(path)
      for tensor in file.tensors where tensor.shape.elementCount > 0 && tensor.shape.elementCount < 1 << 16 {
        let values = [Float](capacity: tensor.shape.elementCount) { output in
          output.append(repeating: 0, count: tensor.shape.elementCount)
          var span = output.mutableSpan
          tensor.type.dequantize(tensor.bytes, into: &span)
        }
        _ = values.first
      }
      let model = try GGUFModel(file)
      _ = try? model.tokenizer()
      _ = try? model.tokenizerConfig()
      _ = try GGUFConverting(path: path)
    })
}
