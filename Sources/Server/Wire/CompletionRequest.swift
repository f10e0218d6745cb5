// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/completions, decoded.

internal import Basics

/// Texts to be continued.
struct CompletionRequest: Sendable {
  /// A prompt as text, or as tokens already.
  enum Prompt: Sendable, Equatable {
    case text(String)
    case tokens([Int32])
  }

  var common: CommonRequest
  var prompts: [Prompt]
  /// The answer begins with the prompt.
  var echoes: Bool
  /// Alternatives to report with each token; nil: no log probabilities.
  var scoreCount: Int?

  /// What the API generates when the request does not say.
  static let defaultMaxTokens = 16
  /// Most prompts of one request, and most answers to all of them.
  static let promptLimit = 128

  init(_ body: JSONValue) throws(APIError) {
    let fields = try Fields(body, for: .completions)
    common = try CommonRequest(fields)
    common.maxTokens = common.maxTokens ?? Self.defaultMaxTokens
    echoes = fields.flag("echo")
    scoreCount = fields.integer("logprobs")
    if common.maxTokens == 0 && !echoes {
      throw .invalid(
        "max_tokens", "Invalid 'max_tokens': 0 is only allowed together with 'echo'.", code: "below_min_value")
    }
    guard case .value(let value) = fields.given("prompt") else { throw .missing("prompt") }
    prompts = try Self.prompts(value)
    guard prompts.count * common.count <= Self.promptLimit else {
      throw .invalid(
        "prompt", "Invalid 'prompt': at most \(Self.promptLimit) answers can be asked for at once.",
        code: "array_above_max_length")
    }
  }

  private static func prompts(_ value: JSONValue) throws(APIError) -> [Prompt] {
    if let text = value.stringValue { return [.text(text)] }
    guard let items = value.arrayValue else {
      throw Fields.wrongType("prompt", "a string, or an array of strings or tokens", value)
    }
    guard let first = items.first else {
      throw .invalid("prompt", "Invalid 'prompt': at least one prompt is needed.", code: "empty_array")
    }
    if first.doubleValue != nil { return [.tokens(try tokens(items, at: "prompt"))] }
    var prompts: [Prompt] = []
    for (index, item) in items.enumerated() {
      let place = "prompt[\(index)]"
      switch item {
      case .string(let text): prompts.append(.text(text))
      case .array(let numbers): prompts.append(.tokens(try tokens(numbers, at: place)))
      default: throw Fields.wrongType(place, "a string or an array of tokens", item)
      }
    }
    return prompts
  }

  private static func tokens(_ items: [JSONValue], at place: String) throws(APIError) -> [Int32] {
    var tokens: [Int32] = []
    for (index, item) in items.enumerated() {
      guard let token = item.intValue.flatMap({ Int32(exactly: $0) }), token >= 0 else {
        throw Fields.wrongType("\(place)[\(index)]", "a token number", item)
      }
      tokens.append(token)
    }
    return tokens
  }
}
