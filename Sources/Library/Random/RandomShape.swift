// SPDX-License-Identifier: Apache-2.0
// The sizes of models that many people run, so that their speed can be known without their weights. The numbers are
// those of the models' config.json.

internal import Basics
internal import Models

/// A decoder by its sizes.
struct RandomShape: Sendable {
  let name: String
  let modelType: String
  let hidden: Int
  let layers: Int
  let heads: Int
  let keyValueHeads: Int
  let headSize: Int
  let intermediate: Int
  let vocabulary: Int
  let isTied: Bool
  let theta: Int
  let context: Int

  private init(
    _ name: String, _ modelType: String, hidden: Int, layers: Int, heads: Int, keyValueHeads: Int, headSize: Int,
    intermediate: Int, vocabulary: Int, tied: Bool, theta: Int, context: Int
  ) {
    self.name = name
    self.modelType = modelType
    self.hidden = hidden
    self.layers = layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headSize = headSize
    self.intermediate = intermediate
    self.vocabulary = vocabulary
    isTied = tied
    self.theta = theta
    self.context = context
  }

  /// Llama 3.2 (1B, 3B) and 3.1 (8B).
  private static func llama(
    _ name: String, hidden: Int, layers: Int, heads: Int, headSize: Int, intermediate: Int, tied: Bool
  ) -> RandomShape {
    RandomShape(
      name, "llama", hidden: hidden, layers: layers, heads: heads, keyValueHeads: 8, headSize: headSize,
      intermediate: intermediate, vocabulary: 128_256, tied: tied, theta: 500_000, context: 131_072)
  }

  private static func smol(
    _ name: String, hidden: Int, layers: Int, heads: Int, keyValueHeads: Int, intermediate: Int, theta: Int
  ) -> RandomShape {
    RandomShape(
      name, "llama", hidden: hidden, layers: layers, heads: heads, keyValueHeads: keyValueHeads, headSize: 64,
      intermediate: intermediate, vocabulary: 49152, tied: true, theta: theta, context: 8192)
  }

  private static func qwen2(
    _ name: String, hidden: Int, layers: Int, heads: Int, keyValueHeads: Int, intermediate: Int,
    vocabulary: Int = 151_936, tied: Bool = true
  ) -> RandomShape {
    RandomShape(
      name, "qwen2", hidden: hidden, layers: layers, heads: heads, keyValueHeads: keyValueHeads,
      headSize: hidden / heads, intermediate: intermediate, vocabulary: vocabulary, tied: tied, theta: 1_000_000,
      context: 32768)
  }

  private static func qwen3(
    _ name: String, hidden: Int, layers: Int, heads: Int, intermediate: Int, tied: Bool = true
  ) -> RandomShape {
    RandomShape(
      name, "qwen3", hidden: hidden, layers: layers, heads: heads, keyValueHeads: 8, headSize: 128,
      intermediate: intermediate, vocabulary: 151_936, tied: tied, theta: 1_000_000, context: 40960)
  }

  /// All shapes that have a name.
  static let all: [RandomShape] = [
    llama("llama-1b", hidden: 2048, layers: 16, heads: 32, headSize: 64, intermediate: 8192, tied: true),
    llama("llama-3b", hidden: 3072, layers: 28, heads: 24, headSize: 128, intermediate: 8192, tied: true),
    llama("llama-8b", hidden: 4096, layers: 32, heads: 32, headSize: 128, intermediate: 14336, tied: false),
    RandomShape(
      "mistral-7b", "mistral", hidden: 4096, layers: 32, heads: 32, keyValueHeads: 8, headSize: 128,
      intermediate: 14336, vocabulary: 32768, tied: false, theta: 1_000_000, context: 32768),
    smol("smollm2-135m", hidden: 576, layers: 30, heads: 9, keyValueHeads: 3, intermediate: 1536, theta: 100_000),
    smol("smollm2-360m", hidden: 960, layers: 32, heads: 15, keyValueHeads: 5, intermediate: 2560, theta: 100_000),
    smol("smollm2-1.7b", hidden: 2048, layers: 24, heads: 32, keyValueHeads: 32, intermediate: 8192, theta: 130_000),
    qwen2("qwen2.5-0.5b", hidden: 896, layers: 24, heads: 14, keyValueHeads: 2, intermediate: 4864),
    qwen2("qwen2.5-1.5b", hidden: 1536, layers: 28, heads: 12, keyValueHeads: 2, intermediate: 8960),
    qwen2("qwen2.5-3b", hidden: 2048, layers: 36, heads: 16, keyValueHeads: 2, intermediate: 11008),
    qwen2(
      "qwen2.5-7b", hidden: 3584, layers: 28, heads: 28, keyValueHeads: 4, intermediate: 18944, vocabulary: 152_064,
      tied: false),
    qwen3("qwen3-0.6b", hidden: 1024, layers: 28, heads: 16, intermediate: 3072),
    qwen3("qwen3-1.7b", hidden: 2048, layers: 28, heads: 16, intermediate: 6144),
    qwen3("qwen3-4b", hidden: 2560, layers: 36, heads: 32, intermediate: 9728),
    qwen3("qwen3-8b", hidden: 4096, layers: 36, heads: 32, intermediate: 12288, tied: false),
  ]

  /// The shape as a config.json.
  var config: JSONObject {
    [
      "model_type": .string(modelType), "hidden_size": JSONValue(hidden), "num_hidden_layers": JSONValue(layers),
      "num_attention_heads": JSONValue(heads), "num_key_value_heads": JSONValue(keyValueHeads),
      "head_dim": JSONValue(headSize), "intermediate_size": JSONValue(intermediate),
      "vocab_size": JSONValue(vocabulary), "tie_word_embeddings": .bool(isTied), "rope_theta": JSONValue(theta),
      "max_position_embeddings": JSONValue(context), "rms_norm_eps": 1e-6, "torch_dtype": "bfloat16",
    ]
  }

  /// The config.json that a text means: a shape's name, a file, or a folder with one.
  /// - Throws: `RandomProblem.unknownShape`, or what reading the file throws.
  static func config(_ text: String) throws -> JSONObject {
    if let shape = all.first(where: { $0.name == text.lowercased() }) { return shape.config }
    if Files.isFile(text) {
      let value = try JSONReader.parse(try Files.read(text, limit: 16 << 20), limits: .lastKeyWins)
      guard let config = value.objectValue else { throw RandomProblem.noConfig(path: text) }
      return config
    }
    guard Files.isFile("\(text)/config.json") else {
      throw RandomProblem.unknownShape(name: text, known: all.map(\.name))
    }
    return try config("\(text)/config.json")
  }
}
