// SPDX-License-Identifier: Apache-2.0
// How the states of a text's tokens become one vector, as sentence-transformers' files say: modules.json lists what
// follows the encoder, 1_Pooling/config.json how tokens are joined, config_sentence_transformers.json what stands before a text.

internal import Basics

/// From token states to the embedding of a text.
public struct Pooling: Sendable, Equatable {
  /// One way to join the tokens' states.
  public enum Mode: Sendable, Equatable {
    /// The first token's state.
    case first
    /// The last token's state.
    case last
    case mean
    /// The largest of each element.
    case largest
    /// The sum over the square root of the number of tokens.
    case meanSquareRoot
  }

  /// One step behind the joining.
  public enum Step: Sendable, Equatable {
    /// Scaled to length one.
    case normalize
    case project(Projection)
  }

  /// Joined one behind the other when there are several.
  public var modes: [Mode]
  /// What the joined states go through.
  public var steps: [Step]
  /// Longest text in tokens, the special ones counted; nil leaves it to the tokenizer and the model.
  public var longest: Int?
  /// What may be put before a text, by name.
  public var prompts: [String: String] = [:]
  /// The one that is, where none is asked for.
  public var defaultPrompt: String?
  /// Whether the tokens of the prompt take part in the joining.
  public var includesPrompt = true

  /// Mean and nothing else: what sentence-transformers does with a model that says nothing.
  public static let standard = Pooling(modes: [.mean], steps: [])

  /// Reads a model's folder.
  /// - Throws: `ModelProblem.unsupportedFeature` for steps that are not known, `invalidFile` for files that cannot be.
  static func read(folder: String) throws -> Pooling {
    var pooling = Pooling.standard
    // The older place of the limit, then the one where sentence-transformers 6 writes it.
    let transformer = try json(folder, "sentence_bert_config.json")
    let limit = transformer?["max_seq_length"]?.intValue
    if transformer?["modality_config"]?["message"]?.objectValue != nil {
      throw ModelProblem.unsupportedFeature(name: "embeddings of texts within a chat template")
    }
    let other = try json(folder, "tokenizer_config.json", limit: 1 << 26)?["model_max_length"]?.intValue
    pooling.longest = (limit ?? other).flatMap { $0 > 0 ? $0 : nil }
    guard let modules = try json(folder, "modules.json") else { return pooling }
    let settings = try json(folder, "config_sentence_transformers.json")
    for (name, text) in settings?["prompts"]?.objectValue ?? JSONObject() { pooling.prompts[name] = text.stringValue }
    pooling.defaultPrompt = settings?["default_prompt_name"]?.stringValue
    guard let steps = modules.arrayValue else {
      throw ModelProblem.invalidFile(path: "\(folder)/modules.json", reason: "a list is needed")
    }
    for step in steps {
      let type = step["type"]?.stringValue ?? ""
      switch type.split(separator: ".").last ?? "" {
      case "Transformer": continue
      case "Normalize": pooling.steps.append(.normalize)
      case "Dense":
        let path = try path(of: step, or: "2_Dense", in: folder)
        let config = try Self.config(of: path, in: folder)
        pooling.steps.append(.project(try Projection.read("\(folder)/\(path)", config)))
      case "Pooling":
        let path = try path(of: step, or: "1_Pooling", in: folder)
        let config = try Self.config(of: path, in: folder)
        pooling.modes = try modes(config)
        pooling.includesPrompt = config["include_prompt"]?.boolValue ?? true
      default: throw ModelProblem.unsupportedFeature(name: "a step \"\(type.prefix(64))\" behind the encoder")
      }
    }
    _ = try pooling.prompt(nil)
    return pooling
  }

  /// What stands before each text.
  /// - Parameter name: one of `prompts`; nil for the one that the model's files choose, if any.
  /// - Throws: `ModelProblem.noPrompt`, or `unsupportedFeature` where its tokens would have to be left out of the joining.
  public func prompt(_ name: String?) throws(ModelProblem) -> String {
    guard let name = name ?? defaultPrompt else { return "" }
    guard let prompt = prompts[name] else { throw .noPrompt(name: name, known: prompts.keys.sorted()) }
    guard includesPrompt || prompt.isEmpty else {
      throw .unsupportedFeature(name: "pooling without the tokens of the prompt")
    }
    return prompt
  }

  /// The config.json of a step.
  private static func config(of step: String, in folder: String) throws -> JSONValue {
    guard let config = try json(folder, "\(step)/config.json") else {
      throw ModelProblem.invalidFile(path: "\(folder)/\(step)/config.json", reason: "it is missing")
    }
    return config
  }

  /// The folder of a step, below the model's.
  private static func path(of step: JSONValue, or usual: String, in folder: String) throws(ModelProblem) -> String {
    let path = step["path"]?.stringValue ?? usual
    guard path.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }) else {
      throw .invalidFile(path: "\(folder)/modules.json", reason: "a path leaves the folder")
    }
    return path
  }

  /// Numbers of an embedding.
  /// - Parameter hidden: numbers of a token's state.
  public func width(hidden: Int) -> Int {
    steps.reduce(modes.count * hidden) { if case .project(let projection) = $1 { projection.outputs } else { $0 } }
  }

  /// Whether each step takes what the one before it makes.
  func fits(hidden: Int) -> Bool {
    var width = modes.count * hidden
    for case .project(let projection) in steps {
      guard projection.inputs == width else { return false }
      width = projection.outputs
    }
    return true
  }

  /// How tokens are joined: one name or several since sentence-transformers 6, a flag for each mode before.
  private static func modes(_ config: JSONValue) throws(ModelProblem) -> [Mode] {
    let table: [(name: String, flag: String, mode: Mode?)] = [
      ("cls", "pooling_mode_cls_token", .first), ("max", "pooling_mode_max_tokens", .largest),
      ("mean", "pooling_mode_mean_tokens", .mean),
      ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", .meanSquareRoot),
      ("weightedmean", "pooling_mode_weightedmean_tokens", nil), ("lasttoken", "pooling_mode_lasttoken", .last),
    ]
    let flagged = table.filter { config[$0.flag]?.boolValue == true }.map(\.name)
    let named = config["pooling_mode"]
    let names = named?.stringValue.map { [$0] } ?? named?.arrayValue?.map { $0.stringValue ?? "" } ?? flagged
    return try (names.isEmpty ? ["mean"] : names).map { name throws(ModelProblem) in
      guard let mode = table.first(where: { $0.name == name })?.mode else {
        throw .unsupportedFeature(name: "pooling by \"\(name.prefix(64))\"")
      }
      return mode
    }
  }

  private static func json(_ folder: String, _ name: String, limit: Int = 1 << 20) throws -> JSONValue? {
    let path = "\(folder)/\(name)"
    guard Files.isFile(path) else { return nil }
    return try JSONReader.parse(try Files.read(path, limit: limit), limits: .lastKeyWins)
  }
}
