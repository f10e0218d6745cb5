// SPDX-License-Identifier: Apache-2.0
// Models that see: the text model within them is run, as if it were alone. Its settings are an object of config.json, its
// tensors lie below a name of their own, and what the pictures pass through is left alone.

internal import Basics
internal import Checkpoints

/// Where the tensors of a text model lie.
struct TensorNaming {
  private enum Layout: CaseIterable {
    /// `model.layers…` and `lm_head`: a text model alone.
    case plain
    /// `language_model.model.layers…` and `language_model.lm_head`: as published, and as mlx-lm writes it.
    case inside
    /// `model.language_model.layers…` and `lm_head`: as some versions of transformers write it.
    case nested
    /// `layers…`: the states of a text model alone, without an output.
    case bare

    func place(_ path: String) -> String {
      switch self {
      case .plain: path
      case .inside: "language_model.\(path)"
      case .nested: path.hasPrefix("model.") ? "model.language_model.\(path.dropFirst(6))" : path
      case .bare: path.hasPrefix("model.") ? String(path.dropFirst(6)) : path
      }
    }
  }

  private var layout = Layout.plain
  /// Whether there is an output matrix beside the embedding; nil where no checkpoint tells.
  private(set) var hasOutput: Bool?

  /// Whether only the states of a text model are there.
  var isBare: Bool { layout == .bare }

  /// That of a text model alone.
  static let plain = TensorNaming()

  private init() {}

  /// That of a checkpoint.
  init(of checkpoint: any Checkpoint) {
    layout = Layout.allCases.first { checkpoint.has($0.place("model.embed_tokens.weight")) } ?? .plain
    hasOutput = checkpoint.has(place("lm_head.weight"))
  }

  /// The name in a checkpoint of what is called `path` in a text model alone.
  func place(_ path: String) -> String { layout.place(path) }
}

/// A `model_type` of a model that sees, with what its `text_config` leaves out.
struct TextPart {
  let modelType: String
  /// The text models it may hold, by their `model_type`.
  let texts: [String]
  /// Settings that are not said.
  let defaults: JSONObject

  static let known = [
    TextPart(
      modelType: "gemma3", texts: ["gemma3_text"],
      defaults: [
        "vocab_size": 262_208, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
        "max_position_embeddings": 131_072, "sliding_window": 4096, "query_pre_attn_scalar": 256, "rope_theta": 1e6,
      ]),
    TextPart(modelType: "mistral3", texts: ["mistral", "ministral3"], defaults: [:]),
  ]

  /// The settings of the text model.
  /// - Throws: `ModelProblem`, also for a text model that is none of those it may hold.
  func reader(_ whole: ConfigReader) throws(ModelProblem) -> ConfigReader {
    guard let text = try whole.nested("text_config") else { throw whole.problem("text_config", "it is missing") }
    let name = try text.optionalString("model_type") ?? texts[0]
    guard texts.contains(name) else {
      throw .unsupportedFeature(name: "\(modelType) around a text model \"\(name.prefix(64))\"")
    }
    var object = defaults
    // Rotation is one setting: what is said in the newer way needs no base beside it.
    if text.has("rope_parameters") { object["rope_theta"] = nil }
    for (key, value) in text.object { object[key] = value }
    object["model_type"] = .string(name)
    // Of the two places for this setting now the one is right and now the other: the tensors tell.
    object["tie_word_embeddings"] =
      whole.naming.hasOutput.map { .bool(!$0) } ?? whole.value("tie_word_embeddings")
      ?? text.value("tie_word_embeddings")
    return ConfigReader(object, prefix: text.prefix, naming: whole.naming)
  }
}
