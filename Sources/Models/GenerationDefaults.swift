// SPDX-License-Identifier: Apache-2.0
// generation_config.json: how the authors want their model sampled, and where its answers end.

public import Basics

/// What a request uses when it does not say otherwise.
public struct GenerationDefaults: Sendable, Equatable {
  /// False asks for the most likely token each time.
  public var samples: Bool?
  public var temperature: Double?
  public var topP: Double?
  public var topK: Int?
  public var minP: Double?
  public var repetitionPenalty: Double?
  public var maxNewTokens: Int?
  /// Tokens that end an answer.
  public var endTokens: [Int]
  /// The token a text starts with.
  public var beginToken: Int?

  /// Reads the defaults; what only config.json says (the end tokens) is taken from there.
  /// - Throws: `ModelProblem.invalidConfig` for values of the wrong kind or outside their range.
  public init(generationConfig: JSONValue?, config: JSONValue) throws(ModelProblem) {
    let reader = ConfigReader(generationConfig?.objectValue ?? JSONObject())
    let model = ConfigReader(config.objectValue ?? JSONObject())
    samples = reader.has("do_sample") ? try reader.bool("do_sample", default: false) : nil
    temperature = try reader.optionalDouble("temperature", in: 0...1e6)
    topP = try reader.optionalDouble("top_p", in: 0...1)
    topK = try reader.optionalInt("top_k", in: 0...Limits.vocabulary)
    minP = try reader.optionalDouble("min_p", in: 0...1)
    repetitionPenalty = try reader.optionalDouble("repetition_penalty", in: 1e-6...1e6)
    maxNewTokens = try reader.optionalInt("max_new_tokens", in: 1...Limits.context)
    let own = try Self.tokens(reader, "eos_token_id")
    endTokens = own.isEmpty ? try Self.tokens(model, "eos_token_id") : own
    let modelBegin = try Self.tokens(model, "bos_token_id").first
    beginToken = try Self.tokens(reader, "bos_token_id").first ?? modelBegin
  }

  /// One identifier or a list of them.
  private static func tokens(_ reader: ConfigReader, _ key: String) throws(ModelProblem) -> [Int] {
    if reader.value(key)?.arrayValue != nil {
      return (try reader.numbers(key, in: 0...Double(Limits.vocabulary)) ?? []).map { Int($0) }
    }
    return try reader.optionalInt(key, in: -1...Limits.vocabulary).map { $0 < 0 ? [] : [$0] } ?? []
  }
}
