// SPDX-License-Identifier: Apache-2.0
// How the next token is chosen from the model's logits: the numbers a request may set.

public import Models

/// The knobs of sampling, each with the value that switches it off as its default.
///
/// They act in this order: logit bias, repetition penalty, frequency and presence penalties,
/// temperature, top-k, top-p, min-p; then one token is drawn from what is left.
public struct SamplingParameters: Sendable, Equatable {
  /// Divides the logits; 0 takes the most likely token. 0...100.
  public var temperature: Float = 1
  /// Keeps the fewest most likely tokens whose probabilities reach this sum; 1 keeps all. 0...1.
  public var topP: Float = 1
  /// Keeps this many most likely tokens; 0 keeps all.
  public var topK = 0
  /// Drops tokens less likely than this share of the most likely one; 0 drops none. 0...1.
  public var minP: Float = 0
  /// Divides positive and multiplies negative logits of tokens seen before; 1 does nothing. 0.01...100.
  public var repetitionPenalty: Float = 1
  /// How many tokens back the repetition penalty looks, the prompt included; nil: all of them.
  public var repetitionWindow: Int?
  /// Taken off a logit for each time its token was generated. -2...2.
  public var frequencyPenalty: Float = 0
  /// Taken off a logit once when its token was generated at all. -2...2.
  public var presencePenalty: Float = 0
  /// Added to the logits of single tokens. -100...100 each.
  public var logitBias: [Int32: Float] = [:]
  /// Makes draws repeatable: same seed, same request, same text. Nil draws one.
  public var seed: UInt64?

  /// Everything switched off: the model's own distribution.
  public init() {}

  /// The most likely token each time.
  public static let greedy: SamplingParameters = {
    var parameters = SamplingParameters()
    parameters.temperature = 0
    return parameters
  }()

  /// What the model's authors ask for in generation_config.json.
  public init(defaults: GenerationDefaults) {
    if let value = defaults.temperature { temperature = Float(value) }
    if let value = defaults.topP { topP = Float(value) }
    if let value = defaults.topK { topK = value }
    if let value = defaults.minP { minP = Float(value) }
    if let value = defaults.repetitionPenalty { repetitionPenalty = Float(value) }
    if defaults.samples == false { temperature = 0 }
  }

  /// Whether the most likely token is always taken.
  public var isGreedy: Bool { temperature == 0 || topK == 1 || topP == 0 || minP == 1 }

  /// Whether some tokens can never be drawn.
  var truncates: Bool { topK > 0 || topP < 1 || minP > 0 }

  /// Most tokens with a bias of their own.
  public static let biasLimit = 1024

  /// Checks every range, so that the sampler need not.
  /// - Throws: `GenerationProblem.outOfRange` or `.unknownToken`.
  public func validate(vocabulary: Int) throws(GenerationProblem) {
    try Self.check("temperature", temperature, in: 0...100)
    try Self.check("top_p", topP, in: 0...1)
    try Self.check("min_p", minP, in: 0...1)
    try Self.check("repetition_penalty", repetitionPenalty, in: 0.01...100)
    try Self.check("frequency_penalty", frequencyPenalty, in: -2...2)
    try Self.check("presence_penalty", presencePenalty, in: -2...2)
    guard topK >= 0 else { throw .outOfRange(parameter: "top_k", value: "\(topK)", allowed: "0 or more") }
    if let window = repetitionWindow, window < 0 {
      throw .outOfRange(parameter: "repetition_window", value: "\(window)", allowed: "0 or more")
    }
    guard logitBias.count <= Self.biasLimit else {
      throw .outOfRange(
        parameter: "logit_bias", value: "\(logitBias.count) tokens", allowed: "at most \(Self.biasLimit)")
    }
    for (token, bias) in logitBias {
      guard (0..<vocabulary).contains(Int(token)) else {
        throw .unknownToken(id: Int(token), vocabulary: vocabulary)
      }
      try Self.check("logit_bias", bias, in: -100...100)
    }
  }

  private static func check(
    _ name: String, _ value: Float, in range: ClosedRange<Float>
  ) throws(GenerationProblem) {
    guard range.contains(value) else {  // also refuses NaN
      throw .outOfRange(
        parameter: name, value: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
    }
  }
}
