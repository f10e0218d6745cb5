// SPDX-License-Identifier: Apache-2.0
// The rotary part of config.json, as transformers 4 (`rope_theta`, `rope_scaling` with `type` or
// `rope_type`) and transformers 5 (`rope_parameters`, also one for each layer type) write it.

internal import Glibc

extension ConfigReader {
  /// Reads the rotary embedding of a head.
  /// - Parameters:
  ///   - headSize: width of a head; what is rotated of it follows from `partial_rotary_factor`.
  ///   - layerType: picks the entry where `rope_parameters` has one for each layer type.
  ///   - theta: the base when the config has none.
  func rope(
    headSize: Int, contextLength: Int, layerType: String? = nil, defaultTheta theta: Double = 10000,
    defaultPartial: Double = 1
  ) throws(ModelProblem) -> Rope {
    let parameters = try ropeParameters(layerType)
    let thetas = 1.0001...1e15
    let outerBase = try double("rope_theta", in: thetas, default: theta)
    let base = try parameters?.optionalDouble("rope_theta", in: thetas) ?? outerBase
    let outerPart = try double("partial_rotary_factor", in: 0...1, default: defaultPartial)
    let part = try parameters?.optionalDouble("partial_rotary_factor", in: 0...1) ?? outerPart
    let size = Int(Double(headSize) * part)
    guard size >= 2, size % 2 == 0 else {
      throw problem("partial_rotary_factor", "\(size) of \(headSize) elements cannot be rotated in pairs")
    }
    var rope = Rope(theta: base, size: size)
    if let parameters { try parameters.readScaling(into: &rope, contextLength: contextLength, outer: self) }
    return rope
  }

  private func ropeParameters(_ layerType: String?) throws(ModelProblem) -> ConfigReader? {
    if let parameters = try nested("rope_parameters") {
      if let layerType, let own = try parameters.nested(layerType) { return own }
      return parameters
    }
    return try nested("rope_scaling")
  }

  private func readScaling(into rope: inout Rope, contextLength: Int, outer: ConfigReader) throws(ModelProblem) {
    let oldKind = try optionalString("type")
    let kind = try optionalString("rope_type") ?? oldKind ?? "default"
    let factors = 1e-3...1e6
    /// The context the model was trained with before it was stretched.
    let key = "original_max_position_embeddings"
    let outside = try outer.int(key, in: 1...Limits.context, default: contextLength)
    let original = try int(key, in: 1...Limits.context, default: outside)
    let stretch = Double(contextLength) / Double(original)
    switch kind {
    case "default": return
    case "linear": rope.scaling = .linear(factor: try double("factor", in: factors))
    case "dynamic":
      rope.scaling = .dynamic(factor: try double("factor", in: 1...1e6), originalContext: contextLength)
    case "llama3":
      let low = try double("low_freq_factor", in: factors)
      let high = try double("high_freq_factor", in: factors)
      guard high > low else { throw problem("high_freq_factor", "it must be above low_freq_factor") }
      rope.scaling = .llama3(
        factor: try double("factor", in: factors), lowFrequencyFactor: low, highFrequencyFactor: high,
        originalContext: original)
    case "yarn":
      let factor = try double("factor", in: factors, default: stretch)
      rope.scaling = .yarn(
        factor: factor, betaFast: try double("beta_fast", in: factors, default: 32),
        betaSlow: try double("beta_slow", in: factors, default: 1), originalContext: original,
        truncates: try bool("truncate", default: true))
      rope.attentionFactor = try yarnAttentionFactor(factor)
    case "longrope", "su":
      let short = try pairFactors("short_factor", count: rope.size / 2)
      let long = try pairFactors("long_factor", count: rope.size / 2)
      rope.scaling = .longrope(short: short, long: long, originalContext: original)
      let growth = stretch > 1 ? (1 + log(stretch) / log(Double(max(original, 2)))).squareRoot() : 1
      rope.attentionFactor = try double("attention_factor", in: 0...1e6, default: growth)
    default: throw .unsupportedFeature(name: "rope scaling \"\(kind.prefix(64))\"")
    }
  }

  /// YaRN's temperature: 0.1 ln(factor) + 1, or a ratio of two of them (DeepSeek).
  private func yarnAttentionFactor(_ factor: Double) throws(ModelProblem) -> Double {
    func temperature(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
    if let given = try optionalDouble("attention_factor", in: 0...1e6) { return given }
    let scale = try optionalDouble("mscale", in: 0...1e3) ?? 0
    let scaleAll = try optionalDouble("mscale_all_dim", in: 0...1e3) ?? 0
    return scale > 0 && scaleAll > 0 ? temperature(scale) / temperature(scaleAll) : temperature(1)
  }

  private func pairFactors(_ key: String, count: Int) throws(ModelProblem) -> [Double] {
    guard let factors = try numbers(key, in: 1e-6...1e9) else { throw problem(key, "it is missing") }
    guard factors.count == count else {
      throw problem(key, "\(factors.count) factors where \(count) pairs are rotated")
    }
    return factors
  }
}
