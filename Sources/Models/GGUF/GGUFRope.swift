// SPDX-License-Identifier: Apache-2.0
// The rotary scaling of a GGUF file: partly metadata, partly tables among the tensors.

internal import Basics
internal import Checkpoints
internal import Glibc
internal import Tensors

extension GGUFModel {
  /// Adds `rope_scaling` and what belongs to it.
  func addRope(to config: inout JSONObject) throws(ModelProblem) {
    if file.tensor("rope_factors_long.weight") != nil { return try addLongRope(to: &config) }
    if let table = file.tensor("rope_freqs.weight") {
      config["rope_scaling"] = try llama3Scaling(table, theta: config["rope_theta"]?.doubleValue ?? 10000)
      return
    }
    let kind = own("rope.scaling.type")?.stringValue ?? "none"
    guard kind != "none", let factor = try optionalDouble("rope.scaling.factor"), factor > 0 else { return }
    switch kind {
    case "linear": config["rope_scaling"] = ["rope_type": "linear", "factor": .number(factor)]
    case "yarn":
      var scaling: JSONObject = ["rope_type": "yarn", "factor": .number(factor)]
      if let context = try optionalInt("rope.scaling.original_context_length", in: 1...Limits.context) {
        scaling["original_max_position_embeddings"] = JSONValue(context)
      }
      config["rope_scaling"] = .object(scaling)
    default: throw .unsupportedFeature(name: "rope scaling \"\(kind.prefix(64))\" in a GGUF file")
    }
  }

  /// Phi 3: one factor for each pair, for short and for long texts.
  private func addLongRope(to config: inout JSONObject) throws(ModelProblem) {
    let (long, short) = (try require("rope_factors_long.weight"), try require("rope_factors_short.weight"))
    func numbers(_ tensor: GGUFFile.Tensor) throws(ModelProblem) -> JSONValue {
      guard tensor.shape.elementCount == tensor.shape.rowLength, tensor.shape.rowLength <= Limits.headSize else {
        throw .wrongShape(name: tensor.name, expected: [Limits.headSize], found: tensor.shape.dimensions)
      }
      return .array(tensor.row(0).map { .number(Double($0.description) ?? Double($0)) })
    }
    config["rope_scaling"] = [
      "type": "longrope", "long_factor": try numbers(long), "short_factor": try numbers(short),
    ]
    config["original_max_position_embeddings"] = JSONValue(
      try int("rope.scaling.original_context_length", in: 1...Limits.context))
  }

  /// Llama 3: the file holds the divisor of each frequency; config.json the rule that gave them. The
  /// published models all use the same rule but for the factor, so it is tried and checked.
  private func llama3Scaling(_ table: GGUFFile.Tensor, theta: Double) throws(ModelProblem) -> JSONValue {
    guard table.shape.elementCount == table.shape.rowLength, table.shape.rowLength <= Limits.headSize else {
      throw .wrongShape(name: table.name, expected: [Limits.headSize], found: table.shape.dimensions)
    }
    let divisors = table.row(0).map { Double($0) }
    let (low, high, context) = (1.0, 4.0, 8192.0)
    let factor = divisors.max() ?? 1
    for (pair, divisor) in divisors.enumerated() {
      let wavelength = 2 * Double.pi * pow(theta, Double(pair) / Double(divisors.count))
      let smooth = min(1, max(0, (context / wavelength - low) / (high - low)))
      let expected = 1 / ((1 - smooth) / factor + smooth)
      guard abs(expected - divisor) <= 1e-3 * expected else {
        throw .unsupportedFeature(name: "rotary factors that are not Llama 3's (rope_freqs.weight)")
      }
    }
    return [
      "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
      "high_freq_factor": .number(high), "original_max_position_embeddings": JSONValue(Int(context)),
    ]
  }
}
