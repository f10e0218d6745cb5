// SPDX-License-Identifier: Apache-2.0
// Conversations as files have them: a list of messages in the form of OpenAI's API, alone or under `messages`.

public import Basics

extension ChatMessage {
  /// The messages of a document.
  /// - Throws: `ChatProblem.invalidMessages` that says where it is not in the form.
  public static func list(_ document: JSONValue) throws(ChatProblem) -> [ChatMessage] {
    guard let items = (document["messages"] ?? document).arrayValue, !items.isEmpty else {
      throw .invalidMessages(reason: "expected a list of messages, or an object with one under \"messages\"")
    }
    var messages: [ChatMessage] = []
    for (index, item) in items.enumerated() { messages.append(try ChatMessage(item, at: "message \(index + 1)")) }
    return messages
  }

  private init(_ json: JSONValue, at place: String) throws(ChatProblem) {
    guard let role = json["role"]?.stringValue.flatMap(Role.init(rawValue:)) else {
      let roles = Role.allCases.map(\.rawValue).joined(separator: ", ")
      throw .invalidMessages(reason: "\(place) needs a \"role\": \(roles)")
    }
    self.init(
      role, try Self.text(json["content"] ?? .null, at: place), name: json["name"]?.stringValue,
      reasoning: json["reasoning_content"]?.stringValue ?? json["reasoning"]?.stringValue)
    callID = json["tool_call_id"]?.stringValue
    for item in json["tool_calls"]?.arrayValue ?? [] {
      guard var call = ToolCall(item) else {
        throw .invalidMessages(reason: "\(place) has a call without a function's name and arguments")
      }
      call.id = item["id"]?.stringValue
      calls.append(call)
    }
  }

  /// A text, or parts of text, joined by line ends.
  private static func text(_ content: JSONValue, at place: String) throws(ChatProblem) -> String {
    if content.isNull { return "" }
    if let text = content.stringValue { return text }
    let parts = content.arrayValue?.map { $0["text"]?.stringValue } ?? [nil]
    let texts = parts.compactMap(\.self)
    guard texts.count == parts.count else {
      throw .invalidMessages(reason: "the \"content\" of \(place) is neither a text nor a list of parts of text")
    }
    return texts.joined(separator: "\n")
  }
}
