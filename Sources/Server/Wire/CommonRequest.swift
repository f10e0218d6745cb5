// SPDX-License-Identifier: Apache-2.0
// What chat and plain completions have in common: sampling, limits, stops and streaming.

internal import Basics
internal import Inference
internal import Models

/// The shared part of a decoded request.
struct CommonRequest: Sendable {
  var model: String?
  var streams: Bool
  /// A last chunk with the counts, asked for by `stream_options`.
  var includesUsage: Bool
  var maxTokens: Int?
  /// Answers to each prompt.
  var count: Int
  var stops: [String]
  var timeLimit: Duration?
  /// Fields without effect.
  var ignored: [String]
  private let sampling: Sampling

  /// What the request says of sampling; nil leaves the model's defaults.
  private struct Sampling: Sendable {
    var temperature, topP, minP, repetitionPenalty, frequencyPenalty, presencePenalty: Float?
    var topK, repetitionWindow: Int?
    var seed: Int?
    var bias: [Int32: Float]
  }

  init(_ fields: Fields) throws(APIError) {
    model = fields.text("model")
    streams = fields.flag("stream")
    includesUsage = try Self.includesUsage(fields.object("stream_options"), streams: fields.flag("stream"))
    maxTokens = fields.integer("max_completion_tokens") ?? fields.integer("max_tokens")
    count = fields.integer("n") ?? 1
    stops = try Self.stops(fields.given("stop").optional)
    timeLimit = fields.integer("timeout_ms").map { .milliseconds($0) }
    ignored = fields.ignored
    let float = { (name: String) in fields.double(name).map { Float($0) } }
    sampling = Sampling(
      temperature: float("temperature"), topP: float("top_p"), minP: float("min_p"),
      repetitionPenalty: float("repetition_penalty"), frequencyPenalty: float("frequency_penalty"),
      presencePenalty: float("presence_penalty"), topK: fields.integer("top_k").map { max($0, 0) },
      repetitionWindow: fields.integer("repetition_window"), seed: fields.integer("seed"),
      bias: try Self.bias(fields.object("logit_bias")))
  }

  /// The request's sampling on top of the model's defaults.
  func sampling(defaults: GenerationDefaults) -> SamplingParameters {
    var result = SamplingParameters(defaults: defaults)
    // Authors who decode greedily may still be asked for a temperature.
    if let temperature = sampling.temperature { result.temperature = temperature }
    if let value = sampling.topP { result.topP = value }
    if let value = sampling.minP { result.minP = value }
    if let value = sampling.topK { result.topK = value }
    if let value = sampling.repetitionPenalty { result.repetitionPenalty = value }
    if let value = sampling.repetitionWindow { result.repetitionWindow = value < 0 ? nil : value }
    result.frequencyPenalty = sampling.frequencyPenalty ?? 0
    result.presencePenalty = sampling.presencePenalty ?? 0
    result.logitBias = sampling.bias
    result.seed = sampling.seed.map { UInt64(bitPattern: Int64($0)) }
    return result
  }

  private static func includesUsage(_ options: JSONObject?, streams: Bool) throws(APIError) -> Bool {
    guard let options else { return false }
    guard streams else {
      throw .invalid("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    }
    guard let value = options["include_usage"], !value.isNull else { return false }
    guard let flag = value.boolValue else { throw Fields.wrongType("stream_options.include_usage", "a boolean", value) }
    return flag
  }

  private static func stops(_ value: JSONValue?) throws(APIError) -> [String] {
    let items: [JSONValue]
    switch value {
    case nil: return []
    case .string: items = value.map { [$0] } ?? []
    case .array(let list): items = list
    case let other?: throw Fields.wrongType("stop", "a string or an array of strings", other)
    }
    guard items.count <= Parameter.stopLimit else {
      throw .invalid(
        "stop", "Invalid 'stop': at most \(Parameter.stopLimit) strings are allowed.", code: "array_above_max_length")
    }
    var stops: [String] = []
    for (index, item) in items.enumerated() {
      guard let text = item.stringValue else { throw Fields.wrongType("stop[\(index)]", "a string", item) }
      guard (1...Parameter.stopByteLimit).contains(text.utf8.count) else {
        throw .invalid("stop[\(index)]", "Invalid 'stop': a stop string has 1 to \(Parameter.stopByteLimit) bytes.")
      }
      stops.append(text)
    }
    return stops
  }

  private static func bias(_ object: JSONObject?) throws(APIError) -> [Int32: Float] {
    var bias: [Int32: Float] = [:]
    for (key, value) in object ?? JSONObject() {
      guard let token = Int32(key), token >= 0 else {
        throw .invalid(
          "logit_bias", "Invalid 'logit_bias': keys are token numbers, but '\(key.prefix(64))' is not one.")
      }
      guard let number = value.doubleValue, (-100...100).contains(number) else {
        throw .invalid("logit_bias.\(token)", "Invalid 'logit_bias': values are numbers from -100 to 100.")
      }
      bias[token] = Float(number)
    }
    return bias
  }
}
