// SPDX-License-Identifier: Apache-2.0
// `tools`, `tool_choice` and the calls of earlier answers, decoded.

internal import Basics
internal import Models

/// What a request says of functions.
struct ToolRequest: Sendable {
  /// The functions as the model's template gets them; empty when it is to call none.
  var tools: [JSONValue]
  /// Their names.
  var names: Set<String>
  /// Whether an answer may hold several calls.
  var allowsSeveral: Bool

  static let limit = 128

  init(_ fields: Fields) throws(APIError) {
    allowsSeveral = fields.given("parallel_tool_calls").optional?.boolValue ?? true
    tools = []
    names = []
    if let list = fields.given("tools").optional {
      guard let items = list.arrayValue else { throw Fields.wrongType("tools", "an array of objects", list) }
      guard items.count <= Self.limit else {
        throw .invalid("tools", "Invalid 'tools': at most \(Self.limit) are allowed.", code: "array_above_max_length")
      }
      for (index, item) in items.enumerated() {
        let name = try Self.check(item, at: "tools[\(index)]")
        guard names.insert(name).inserted else {
          throw .invalid("tools[\(index)].function.name", "Invalid 'tools': '\(name)' is named twice.")
        }
      }
      tools = items
    }
    try choose(fields.given("tool_choice").optional)
  }

  /// Calls that must be made, or answers of a certain form, need sampling under a grammar, which is not there.
  private mutating func choose(_ choice: JSONValue?) throws(APIError) {
    switch choice {
    case nil, "auto": return
    case "none": (tools, names) = ([], [])
    case "required", .object:
      throw .unsupported("tool_choice", "'tool_choice' is supported as 'none' and 'auto' only.")
    case let other?:
      guard let text = other.stringValue else { throw Fields.wrongType("tool_choice", "a string", other) }
      throw .invalid("tool_choice", "Invalid 'tool_choice': '\(text.prefix(64))' is not 'none' or 'auto'.")
    }
  }

  /// Checks a tool and returns its function's name.
  private static func check(_ tool: JSONValue, at place: String) throws(APIError) -> String {
    guard tool.objectValue != nil else { throw Fields.wrongType(place, "an object", tool) }
    guard let type = tool["type"] else { throw .missing("\(place).type") }
    guard type == "function" else {
      throw .unsupported("\(place).type", "Tools of other types than 'function' are not supported by this server.")
    }
    guard let function = tool["function"] else { throw .missing("\(place).function") }
    guard function.objectValue != nil else { throw Fields.wrongType("\(place).function", "an object", function) }
    guard let name = function["name"] else { throw .missing("\(place).function.name") }
    guard let text = name.stringValue else { throw Fields.wrongType("\(place).function.name", "a string", name) }
    guard ToolCall.isName(text) else {
      throw .invalid(
        "\(place).function.name",
        "Invalid '\(place).function.name': names have 1 to 128 letters, digits, '_', '-' and '.'.")
    }
    if let parameters = function["parameters"], !parameters.isNull, parameters.objectValue == nil {
      throw Fields.wrongType("\(place).function.parameters", "an object", parameters)
    }
    if function["strict"]?.boolValue == true {
      throw .unsupported("\(place).function.strict", "'strict' functions are not supported by this server.")
    }
    return text
  }

  /// The calls of an earlier answer.
  static func calls(_ value: JSONValue?, at place: String) throws(APIError) -> [ToolCall] {
    guard let value, !value.isNull else { return [] }
    guard let items = value.arrayValue else { throw Fields.wrongType(place, "an array of objects", value) }
    var calls: [ToolCall] = []
    for (index, item) in items.enumerated() {
      let here = "\(place)[\(index)].function"
      guard let function = item["function"] else { throw .missing(here) }
      guard let name = function["name"]?.stringValue else { throw .missing("\(here).name") }
      let given = function["arguments"] ?? .object([:])
      // The API has them as a text; a template wants what the text says.
      var arguments = given
      if let text = given.stringValue {
        let inner = text.isEmpty ? .object([:]) : try? JSONReader.parse(Array(text.utf8), limits: .lastKeyWins)
        arguments = inner ?? given
      }
      calls.append(ToolCall(id: item["id"]?.stringValue, name: name, arguments: arguments))
    }
    return calls
  }
}
