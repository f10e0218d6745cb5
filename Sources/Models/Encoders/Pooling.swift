// SPDX-License-Identifier: Apache-2.0
// How the states of a text's tokens become one vector, as sentence-transformers' files say: modules.json lists what
// follows the encoder, 1_Pooling/config.json how tokens are joined.

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

  /// Joined one behind the other when there are several.
  public var modes: [Mode]
  /// Scaled to length one at the end.
  public var normalizes: Bool
  /// Longest text in tokens, the special ones counted; nil leaves it to the model.
  public var longest: Int?

  /// Mean and nothing else: what sentence-transformers does with a model that says nothing.
  public static let standard = Pooling(modes: [.mean], normalizes: false)

  /// Reads a model's folder.
  /// - Throws: `ModelProblem.unsupportedFeature` for steps that are not known, `invalidFile` for files that cannot be.
  static func read(folder: String) throws -> Pooling {
    var pooling = Pooling.standard
    if let limits = try json(folder, "sentence_bert_config.json") {
      pooling.longest = limits["max_seq_length"]?.intValue.flatMap { $0 > 0 ? $0 : nil }
    }
    guard let modules = try json(folder, "modules.json") else { return pooling }
    guard let steps = modules.arrayValue else {
      throw ModelProblem.invalidFile(path: "\(folder)/modules.json", reason: "a list is needed")
    }
    for step in steps {
      let type = step["type"]?.stringValue ?? ""
      switch type.split(separator: ".").last ?? "" {
      case "Transformer": continue
      case "Normalize": pooling.normalizes = true
      case "Pooling":
        let path = step["path"]?.stringValue ?? "1_Pooling"
        guard path.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }) else {
          throw ModelProblem.invalidFile(path: "\(folder)/modules.json", reason: "a path leaves the folder")
        }
        if let config = try json(folder, "\(path)/config.json") { pooling.modes = try modes(config) }
      default: throw ModelProblem.unsupportedFeature(name: "a step \"\(type.prefix(64))\" behind the encoder")
      }
    }
    return pooling
  }

  private static func modes(_ config: JSONValue) throws(ModelProblem) -> [Mode] {
    let names: [(String, Mode)] = [
      ("pooling_mode_cls_token", .first), ("pooling_mode_max_tokens", .largest), ("pooling_mode_mean_tokens", .mean),
      ("pooling_mode_mean_sqrt_len_tokens", .meanSquareRoot), ("pooling_mode_lasttoken", .last),
    ]
    if config["pooling_mode_weightedmean_tokens"]?.boolValue == true {
      throw .unsupportedFeature(name: "pooling by a weighted mean")
    }
    let modes = names.filter { config[$0.0]?.boolValue == true }.map(\.1)
    return modes.isEmpty ? [.mean] : modes
  }

  private static func json(_ folder: String, _ name: String) throws -> JSONValue? {
    let path = "\(folder)/\(name)"
    guard Files.isFile(path) else { return nil }
    return try JSONReader.parse(try Files.read(path, limit: 1 << 20), limits: .lastKeyWins)
  }
}
