// SPDX-License-Identifier: Apache-2.0
// Calls that are no JSON: `<function=NAME>` with a `<parameter=NAME>` for each argument, as Qwen3-Coder writes them. Its
// values are bare text; what they are is said by the schema of the function.

public import Basics

/// The types that the schemas of functions give their parameters.
public struct ParameterTypes: Sendable, Equatable {
  private var types: [String: [String: Set<String>]] = [:]

  /// - Parameter tools: functions as the API has them.
  public init(_ tools: [JSONValue] = []) {
    for tool in tools {
      guard let function = tool["function"], let name = function["name"]?.stringValue else { continue }
      for (parameter, schema) in function["parameters"]?["properties"]?.objectValue ?? JSONObject() {
        types[name, default: [:]][parameter] = Self.types(schema)
      }
    }
  }

  private static func types(_ schema: JSONValue) -> Set<String> {
    if let type = schema["type"]?.stringValue { return [type] }
    let several = schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? []
    let choices = schema["anyOf"]?.arrayValue ?? schema["oneOf"]?.arrayValue ?? []
    return Set(several + choices.compactMap { $0["type"]?.stringValue })
  }

  /// What a text means as an argument: a string unless the schema says something else and the text can be that.
  func value(_ text: String, of parameter: String, in function: String) -> JSONValue {
    let allowed = types[function]?[parameter] ?? []
    if text == "null" || text == "None" { return .null }
    guard !allowed.isEmpty, !allowed.contains("string") else { return .string(text) }
    // Booleans as Python spells them.
    let spelled = ["True": "true", "False": "false"][text] ?? text
    return (try? JSONReader.parse(Array(spelled.utf8), limits: .lastKeyWins)) ?? .string(text)
  }
}

extension ToolCall {
  /// A call as `<function=NAME>…</function>`; nil for anything else.
  init?(xml text: String, _ types: ParameterTypes) {
    guard text.hasPrefix("<function="), let head = text.firstIndex(of: ">") else { return nil }
    let name = String(text[text.index(text.startIndex, offsetBy: 10)..<head])
    guard Self.isName(name) else { return nil }
    var rest = text[text.index(after: head)...]
    if let end = rest.firstRange(of: "</function>") { rest = rest[..<end.lowerBound] }
    var arguments = JSONObject()
    while let start = rest.firstRange(of: "<parameter=") {
      rest = rest[start.upperBound...]
      guard let head = rest.firstIndex(of: ">") else { return nil }
      let parameter = String(rest[..<head])
      rest = rest[rest.index(after: head)...]
      // Models forget to close: then the next one ends it, which begins a line where a value is not to hold it.
      let close = rest.firstRange(of: "</parameter>")
      let body = close.map { rest[..<$0.lowerBound] } ?? rest
      let next = body.firstRange(of: close == nil ? "<parameter=" : "\n<parameter=")
      let end = next ?? close
      var value = rest[..<(end?.lowerBound ?? rest.endIndex)]
      if value.first == "\n" { value.removeFirst() }
      if value.last == "\n" { value.removeLast() }
      arguments[parameter] = types.value(String(value), of: parameter, in: name)
      rest = rest[(end?.lowerBound ?? rest.endIndex)...]
    }
    self.init(name: name, arguments: .object(arguments))
  }
}
