// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/chat/completions, decoded.

internal import Basics
internal import Models

/// A conversation to be continued.
struct ChatRequest: Sendable {
  var common: CommonRequest
  var messages: [ChatMessage]
  /// Alternatives to report with each token; nil: no log probabilities.
  var scoreCount: Int?
  /// Further variables of the chat template.
  var templateVariables: JSONObject
  /// Functions that may be called.
  var tools: ToolRequest

  init(_ body: JSONValue) throws(APIError) {
    let fields = try Fields(body, for: .chat)
    common = try CommonRequest(fields)
    if let maxTokens = common.maxTokens, maxTokens < 1 {
      throw .invalid(
        "max_tokens", "Invalid 'max_tokens': expected a value >= 1, but got \(maxTokens) instead.",
        code: "below_min_value")
    }
    let top = fields.integer("top_logprobs")
    if top != nil && !fields.flag("logprobs") {
      throw .invalid("top_logprobs", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
    }
    scoreCount = fields.flag("logprobs") ? top ?? 0 : nil
    templateVariables = fields.object("chat_template_kwargs") ?? JSONObject()
    tools = try ToolRequest(fields)
    if scoreCount != nil, !tools.tools.isEmpty {
      throw .unsupported("logprobs", "'logprobs' together with 'tools' is not supported by this server.")
    }
    guard case .value(let list) = fields.given("messages") else { throw .missing("messages") }
    messages = try Self.messages(list)
  }

  private static func messages(_ value: JSONValue) throws(APIError) -> [ChatMessage] {
    guard let items = value.arrayValue else { throw Fields.wrongType("messages", "an array of objects", value) }
    guard !items.isEmpty else {
      throw .invalid("messages", "Invalid 'messages': at least one message is needed.", code: "empty_array")
    }
    var messages: [ChatMessage] = []
    for (index, item) in items.enumerated() { messages.append(try message(item, at: "messages[\(index)]")) }
    return messages
  }

  private static func message(_ value: JSONValue, at place: String) throws(APIError) -> ChatMessage {
    guard let object = value.objectValue else { throw Fields.wrongType(place, "an object", value) }
    guard let name = object["role"] else { throw .missing("\(place).role") }
    guard let role = name.stringValue.flatMap({ ChatMessage.Role(rawValue: $0) }) else {
      let roles = ChatMessage.Role.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw .invalid("\(place).role", "Invalid '\(place).role': supported are \(roles).")
    }
    for key in ["function_call", "audio"] {
      if let value = object[key], !value.isNull, value != [] {
        throw .unsupported("\(place).\(key)", "'\(key)' in messages is not supported by this server.")
      }
    }
    let calls = role == .assistant ? try ToolRequest.calls(object["tool_calls"], at: "\(place).tool_calls") : []
    var content = object["content"] ?? .null
    if content.isNull && !calls.isEmpty { content = "" }
    guard !content.isNull else { throw .missing("\(place).content") }
    var message = ChatMessage(
      role, try text(content, at: "\(place).content"), name: try optional(object["name"], at: "\(place).name"),
      reasoning: try optional(object["reasoning_content"], at: "\(place).reasoning_content"))
    message.calls = calls
    message.callID = try optional(object["tool_call_id"], at: "\(place).tool_call_id")
    return message
  }

  private static func optional(_ value: JSONValue?, at place: String) throws(APIError) -> String? {
    guard let value, !value.isNull else { return nil }
    guard let text = value.stringValue else { throw Fields.wrongType(place, "a string", value) }
    return text
  }

  /// A string, or parts of text, which are joined by line ends as other servers do.
  private static func text(_ value: JSONValue, at place: String) throws(APIError) -> String {
    if let text = value.stringValue { return text }
    guard let parts = value.arrayValue else { throw Fields.wrongType(place, "a string or an array of parts", value) }
    var texts: [String] = []
    for (index, part) in parts.enumerated() {
      let here = "\(place)[\(index)]"
      guard let type = part["type"]?.stringValue else { throw .missing("\(here).type") }
      guard type == "text" || type == "refusal" else {
        throw .unsupported("\(here).type", "Parts of type '\(type.prefix(64))' are not supported by this server.")
      }
      guard let text = part[type]?.stringValue else { throw .missing("\(here).\(type)") }
      texts.append(text)
    }
    return texts.joined(separator: "\n")
  }
}
