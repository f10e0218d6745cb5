// SPDX-License-Identifier: Apache-2.0
// The two layouts of LoRA adapters.

internal import Basics
internal import Checkpoints
internal import Tensors

/// Reads the tensors of an adapter by its config.
struct AdapterReader {
  let checkpoint: any Checkpoint
  let config: ConfigReader

  // MARK: PEFT

  private static let prefix = "base_model.model."
  private static let ends = [
    ".lora_A.weight", ".lora_B.weight", ".lora_A.default.weight", ".lora_B.default.weight", ".lora_embedding_A",
    ".lora_embedding_B",
  ]

  func peft() throws(ModelProblem) -> [AdapterUpdate] {
    let kind = try config.optionalString("peft_type") ?? "LORA"
    guard kind == "LORA" else { throw .unsupportedFeature(name: "adapters of type \"\(kind.prefix(64))\"") }
    for flag in ["use_dora", "fan_in_fan_out", "lora_bias"] where try config.bool(flag, default: false) {
      throw .unsupportedFeature(name: "adapters with \(flag)")
    }
    var found: [String: [String: TensorView]] = [:]
    for name in checkpoint.names {
      guard let end = Self.ends.first(where: { name.hasSuffix($0) }), let view = checkpoint.tensor(name) else {
        throw .unsupportedFeature(name: "the adapter's tensor \(name.prefix(96))")
      }
      var path = String(name.dropLast(end.utf8.count))
      if path.hasPrefix(Self.prefix) { path = String(path.dropFirst(Self.prefix.utf8.count)) }
      let part = end.replacing(".default", with: "")
      guard found[path, default: [:]].updateValue(view, forKey: part) == nil else {
        throw .invalidTensor(name: path, reason: "the adapter has it twice")
      }
    }
    var updates: [AdapterUpdate] = []
    for (path, parts) in found.sorted(by: { $0.key < $1.key }) {
      let pair: (up: AdapterUpdate.Factor, down: AdapterUpdate.Factor)
      if let a = parts[".lora_A.weight"], let b = parts[".lora_B.weight"], parts.count == 2 {
        pair = (.init(view: b, isTransposed: false), .init(view: a, isTransposed: false))
      } else if let a = parts[".lora_embedding_A"], let b = parts[".lora_embedding_B"], parts.count == 2 {
        pair = (.init(view: a, isTransposed: true), .init(view: b, isTransposed: true))
      } else {
        throw .invalidTensor(name: path, reason: "the adapter has only one of two factors")
      }
      try Self.check(pair.up, pair.down, path)
      updates.append(
        AdapterUpdate(
          path: path, scale: try peftScale(path, rank: pair.up.columns), up: pair.up, down: pair.down,
          mayBeEmbedding: false))
    }
    return updates
  }

  private func peftScale(_ path: String, rank: Int) throws(ModelProblem) -> Float {
    var alpha = try config.double("lora_alpha", in: -1e6...1e6, default: 8)
    if let pattern = try config.nested("alpha_pattern") {
      for key in pattern.object.keys {
        // Keys are regular expressions; those in use are ends of paths.
        guard key.utf8.allSatisfy({ Self.isPlain($0) }) else {
          throw .unsupportedFeature(name: "adapters with the pattern \"\(key.prefix(64))\"")
        }
        if path == key || path.hasSuffix(".\(key)") { alpha = try pattern.double(key, in: -1e6...1e6) }
      }
    }
    let isStabilized = try config.bool("use_rslora", default: false)
    return Float(isStabilized ? alpha / Double(rank).squareRoot() : alpha / Double(rank))
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"): true
    default: false
    }
  }

  // MARK: mlx-lm

  func mlx() throws(ModelProblem) -> [AdapterUpdate] {
    let kind = try config.optionalString("fine_tune_type") ?? "lora"
    guard kind == "lora" else { throw .unsupportedFeature(name: "adapters of type \"\(kind.prefix(64))\"") }
    guard let parameters = try config.nested("lora_parameters") else {
      throw config.problem("lora_parameters", "it is missing")
    }
    let scale = try parameters.optionalDouble("scale", in: -1e6...1e6)
    let alpha = try parameters.optionalDouble("alpha", in: -1e6...1e6)
    var updates: [AdapterUpdate] = []
    for name in checkpoint.names {
      guard name.hasSuffix(".lora_a"), let a = checkpoint.tensor(name) else {
        if name.hasSuffix(".lora_b"), checkpoint.has("\(name.dropLast(2))_a") { continue }
        throw .unsupportedFeature(name: "the adapter's tensor \(name.prefix(96))")
      }
      let path = String(name.dropLast(7))
      guard let b = checkpoint.tensor("\(path).lora_b") else {
        throw .invalidTensor(name: path, reason: "the adapter has only one of two factors")
      }
      let (up, down) = (
        AdapterUpdate.Factor(view: b, isTransposed: true), AdapterUpdate.Factor(view: a, isTransposed: true)
      )
      try Self.check(up, down, path)
      guard let scale = scale ?? alpha.map({ $0 / Double(up.columns) }) else {
        throw parameters.problem("scale", "it is missing")
      }
      updates.append(AdapterUpdate(path: path, scale: Float(scale), up: up, down: down, mayBeEmbedding: true))
    }
    return updates
  }

  /// Two matrices with one rank between them.
  private static func check(
    _ up: AdapterUpdate.Factor, _ down: AdapterUpdate.Factor, _ path: String
  ) throws(ModelProblem) {
    guard up.view.shape.rank == 2, down.view.shape.rank == 2 else {
      throw .unsupportedFeature(name: "adapters of stacked experts, as for \(path.prefix(96))")
    }
    guard up.columns == down.rows, up.columns > 0 else {
      throw .invalidTensor(name: path, reason: "the adapter's factors have ranks \(up.columns) and \(down.rows)")
    }
  }
}
