// SPDX-License-Identifier: Apache-2.0
// A function that a model wants called, and the ways in which families of models write that they do.

public import Basics

/// A call of a function.
public struct ToolCall: Sendable, Equatable {
  /// By which the result refers to it; nil for a call that has none yet.
  public var id: String?
  /// The function's name.
  public var name: String
  /// Its arguments: an object, or whatever else was written in its place.
  public var arguments: JSONValue

  public init(id: String? = nil, name: String, arguments: JSONValue) {
    self.id = id
    self.name = name
    self.arguments = arguments
  }

  /// A call as models write it: `name` beside `arguments` or `parameters`, perhaps below `function`.
  init?(_ json: JSONValue) {
    let object = json["function"]?.objectValue == nil ? json : json["function"] ?? json
    guard let name = object["name"]?.stringValue, Self.isName(name),
      let arguments = object["arguments"] ?? object["parameters"] ?? (object["name"] == nil ? nil : .object([:]))
    else { return nil }
    // Some write the arguments as a text of JSON.
    let inner = arguments.stringValue.flatMap { try? JSONReader.parse(Array($0.utf8)) }
    self.init(name: name, arguments: inner?.objectValue == nil ? arguments : inner ?? arguments)
  }

  /// Letters, digits, `_`, `-` and `.`, at most 128 of them.
  public static func isName(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(byte)
      }
  }
}

/// How a model writes calls. JSON alone is read as calls in every form, where it calls functions that there are.
public enum ToolCallForm: Sendable, Equatable {
  /// `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, once for each call: Hermes, Qwen 2.5 and 3, Granite 4 and others; with
  /// `<function=…>` and `<parameter=…>` within: Qwen3-Coder.
  case tagged
  /// `<|tool_call|>` and an array of calls: Granite 3.
  case announced
  /// `<|tool_call|>`, an array of calls and `<|/tool_call|>`: Phi-4-mini.
  case enclosed
  /// `functools` and an array of calls: Phi-4-mini where its template asks for that.
  case functools
  /// Calls between DeepSeek's marks, each of a name and its arguments.
  case marked
  /// Calls in a section of their own, each of an id that names the function and its arguments: Kimi K2.
  case sectioned
  /// Messages with heads, of which one may be for a function: gpt-oss (`ChannelReader`).
  case channels
  /// `[TOOL_CALLS]` and an array of calls, or a name, `[ARGS]` and the arguments: Mistral.
  case listed
  /// The whole answer is the call's JSON, with `parameters`; perhaps after `<|python_tag|>`: Llama 3.
  case bare

  /// The form by what the template writes of earlier calls. Nil for a template that knows no tools.
  init?(template source: String) {
    if source.contains("<|channel|>"), source.contains("<|message|>") {
      self = .channels
    } else if source.contains("[TOOL_CALLS]") {
      self = .listed
    } else if source.contains(Marks.calls.begin) {
      self = .marked
    } else if source.contains(Section.calls.begin) {
      self = .sectioned
    } else if source.contains("functools[") {
      self = .functools
    } else if source.contains("<|tool|>") {
      self = .enclosed
    } else if source.contains("<|tool_call|>") {
      self = .announced
    } else if source.contains("<tool_call>") {
      self = .tagged
    } else if source.contains("tools") {
      self = .bare
    } else {
      return nil
    }
  }

  /// DeepSeek's marks.
  private enum Marks {
    static let calls = (begin: "<｜tool▁calls▁begin｜>", end: "<｜tool▁calls▁end｜>")
    static let call = (begin: "<｜tool▁call▁begin｜>", end: "<｜tool▁call▁end｜>")
    static let separator = "<｜tool▁sep｜>"
  }

  /// Kimi's marks.
  private enum Section {
    static let calls = (begin: "<|tool_calls_section_begin|>", end: "<|tool_calls_section_end|>")
    static let call = (begin: "<|tool_call_begin|>", end: "<|tool_call_end|>")
    static let separator = "<|tool_call_argument_begin|>"
  }

  /// What a call begins with; nil where the JSON itself does.
  var opening: String? {
    switch self {
    case .tagged: "<tool_call>"
    case .announced, .enclosed: "<|tool_call|>"
    case .functools: "functools"
    case .marked: Marks.calls.begin
    case .sectioned: Section.calls.begin
    case .channels: "<|channel|>"
    case .listed: "[TOOL_CALLS]"
    case .bare: nil
    }
  }

  /// What a call ends with; nil where the answer does.
  var closing: String? {
    switch self {
    case .tagged: "</tool_call>"
    case .enclosed: "<|/tool_call|>"
    case .marked: Marks.calls.end
    case .sectioned: Section.calls.end
    case .announced, .functools, .channels, .listed, .bare: nil
    }
  }

  /// The calls in a text between opening and closing; nil when there is none that can be read.
  func calls(_ text: String, _ types: ParameterTypes = ParameterTypes()) -> [ToolCall]? {
    let trimmed = Self.trimmed(text)
    switch self {
    case .tagged:
      return (Self.json(trimmed).flatMap { ToolCall($0) } ?? ToolCall(xml: trimmed, types)).map { [$0] }
    case .announced, .enclosed, .functools: return Self.listed(trimmed)
    case .listed: return Self.listed(trimmed) ?? Self.named(trimmed)
    case .marked: return Self.marked(trimmed)
    case .sectioned: return Self.sectioned(trimmed)
    case .channels: return nil
    case .bare:
      let tag = "<|python_tag|>"
      let plain = trimmed.hasPrefix(tag) ? Self.trimmed(String(trimmed.dropFirst(tag.count))) : trimmed
      // Several calls are separated by semicolons, if at all; a text with others inside is one that is no JSON.
      let parts = Self.json(plain) == nil ? plain.split(separator: ";").map(String.init) : [plain]
      let calls = parts.compactMap { Self.json(Self.trimmed($0)) }.filter {
        ($0["parameters"] ?? $0["arguments"])?.objectValue != nil
      }.compactMap { ToolCall($0) }
      return calls.count == parts.count && !calls.isEmpty ? calls : nil
    }
  }

  /// An array of calls, or one alone.
  private static func listed(_ text: String) -> [ToolCall]? {
    let json = json(text)
    guard let list = json?.arrayValue ?? (json?.objectValue == nil ? nil : json.map { [$0] }) else { return nil }
    let calls = list.compactMap { ToolCall($0) }
    return calls.count == list.count && !calls.isEmpty ? calls : nil
  }

  /// Calls between marks, each of a head and its arguments; nil when one of them cannot be read.
  private static func framed(
    _ text: String, _ marks: (begin: String, end: String), separator: String,
    read: (_ head: String, _ arguments: String) -> ToolCall?
  ) -> [ToolCall]? {
    var calls: [ToolCall] = []
    for part in text.split(separator: marks.begin) where !part.allSatisfy(\.isWhitespace) {
      let body = part.firstRange(of: marks.end).map { part[..<$0.lowerBound] } ?? part
      guard let cut = body.firstRange(of: separator),
        let call = read(trimmed(String(body[..<cut.lowerBound])), trimmed(String(body[cut.upperBound...])))
      else { return nil }
      calls.append(call)
    }
    return calls.isEmpty ? nil : calls
  }

  /// `name` and its arguments (DeepSeek V3.1), or `function`, `name` and the arguments as a block of JSON (before it).
  private static func marked(_ text: String) -> [ToolCall]? {
    framed(text, Marks.call, separator: Marks.separator) { head, rest in
      var (name, arguments) = (head, rest)
      if name == "function", let line = arguments.firstIndex(where: \.isNewline) {
        (name, arguments) = (trimmed(String(arguments[..<line])), trimmed(String(arguments[line...])))
        if arguments.hasPrefix("```json") { arguments = String(arguments.dropFirst(7)) }
        if arguments.hasSuffix("```") { arguments = String(arguments.dropLast(3)) }
      }
      guard ToolCall.isName(name), let value = json(trimmed(arguments)) else { return nil }
      return ToolCall(name: name, arguments: value)
    }
  }

  /// An id, `functions.NAME:NUMBER`, and the arguments. The id is kept: results refer to it in the prompt.
  private static func sectioned(_ text: String) -> [ToolCall]? {
    framed(text, Section.call, separator: Section.separator) { id, arguments in
      var name = id.hasPrefix("functions.") ? id.dropFirst(10) : Substring(id)
      if let colon = name.lastIndex(of: ":") { name = name[..<colon] }
      guard ToolCall.isName(String(name)), let value = json(arguments) else { return nil }
      return ToolCall(id: id, name: String(name), arguments: value)
    }
  }

  /// `name[ARGS]{…}`, once or several times after `[TOOL_CALLS]` each, or `name{…}`.
  private static func named(_ text: String) -> [ToolCall]? {
    var calls: [ToolCall] = []
    for part in text.split(separator: "[TOOL_CALLS]") {
      guard let brace = part.firstIndex(of: "{") else { return nil }
      var name = trimmed(String(part[..<brace]))
      if name.hasSuffix("[ARGS]") { name = trimmed(String(name.dropLast("[ARGS]".count))) }
      if let id = name.firstRange(of: "[CALL_ID]") { name = trimmed(String(name[..<id.lowerBound])) }
      guard ToolCall.isName(name), let arguments = json(trimmed(String(part[brace...]))) else { return nil }
      calls.append(ToolCall(name: name, arguments: arguments))
    }
    return calls.isEmpty ? nil : calls
  }

  private static func json(_ text: String) -> JSONValue? {
    try? JSONReader.parse(Array(text.utf8), limits: .lastKeyWins)
  }

  static func trimmed(_ text: String) -> String {
    var rest = Substring(text)
    while let first = rest.first, first.isWhitespace { rest.removeFirst() }
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return String(rest)
  }
}
