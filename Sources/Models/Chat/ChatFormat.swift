// SPDX-License-Identifier: Apache-2.0
// From a conversation to the tokens a model was trained to read it as.

public import Basics
internal import Glibc
public import Templates
public import Tokenizers

/// A model's chat template, ready to use with its tokenizer. Immutable; use it from any thread.
public struct ChatFormat: Sendable {
  /// The template itself.
  public let template: ChatTemplate
  private let specialTokens: [Value.Entry]
  private let controls: ControlTokens
  private let tokenizer: Tokenizer
  private let knowsDeveloper: Bool
  /// The variables that the template takes functions from.
  private let toolVariables: [String]
  /// Whether the template takes functions from the system message instead, as a text: Phi-4-mini.
  private let hasToolsInMessage: Bool
  /// How the model writes calls of functions; nil when its template knows none.
  public let toolCallForm: ToolCallForm?
  /// Whether what begins a call is a control token, which answers are usually without.
  public let hasControlTokensInCalls: Bool

  /// Opens the chat template of a model folder.
  /// - Throws: `ChatProblem` when there is none or it is not valid; `FileProblem` and `JSONProblem`.
  public init(folder: String, tokenizer: Tokenizer) throws {
    let file = try ChatTemplateFile(folder: folder)
    guard let source = file.source else { throw ChatProblem.noTemplate(folder: folder) }
    try self.init(source: source, specialTokens: file.specialTokens, tokenizer: tokenizer)
  }

  /// A format from a template's source.
  public init(source: String, specialTokens: [Value.Entry], tokenizer: Tokenizer) throws(ChatProblem) {
    do throws(TemplateProblem) {
      template = try ChatTemplate(source: source)
    } catch {
      throw ChatProblem(compiling: error)
    }
    self.specialTokens = specialTokens
    self.tokenizer = tokenizer
    controls = ControlTokens(tokenizer)
    knowsDeveloper = source.contains("developer")
    // The first templates of SmolLM3 know functions by this name alone.
    toolVariables = ["tools", "xml_tools"].filter(template.asks(for:))
    hasToolsInMessage = toolVariables.isEmpty && source.contains("message['tools']")
    let form = toolVariables.isEmpty && !hasToolsInMessage ? nil : ToolCallForm(template: source)
    toolCallForm = form
    hasControlTokensInCalls = tokenizer.addedTokenTexts.contains { $0.isSpecial && $0.text == form?.opening }
  }

  /// Whether answers are in channels, and have to be read to be understood, also without functions.
  public var hasChannels: Bool { toolCallForm == .channels }

  /// The tokens of a conversation, up to where the model's answer begins.
  ///
  /// Control tokens come from the template only; what looks like one in a message stays text.
  /// - Parameters:
  ///   - tools: functions that the model may call, as the API has them.
  ///   - variables: further variables of the template, such as `enable_thinking`.
  ///   - now: the time the template may tell the model.
  public func prompt(
    _ messages: [ChatMessage], tools: [JSONValue] = [], variables: JSONObject = JSONObject(),
    now: TemplateClock = ChatFormat.wallClock()
  ) throws(ChatProblem) -> [TokenID] {
    try rendered(messages, tools: tools, variables: variables, now: now).tokens
  }

  /// The same with the text that the template makes.
  /// - Parameter addsGenerationPrompt: whether the model's answer is to begin at the end.
  public func rendered(
    _ messages: [ChatMessage], tools: [JSONValue] = [], variables: JSONObject = JSONObject(),
    addsGenerationPrompt: Bool = true, now: TemplateClock = ChatFormat.wallClock()
  ) throws(ChatProblem) -> (text: String, tokens: [TokenID]) {
    let mark = ControlTokens.mark(notIn: Self.texts(messages, tools, variables))
    var messages = messages.map { value($0, mark) }
    if hasToolsInMessage, !tools.isEmpty { Self.declare(value(Self.declaration(tools), mark), in: &messages) }
    let tools = tools.isEmpty ? nil : tools.map { value($0, mark) }
    let byOtherName = toolVariables == ["xml_tools"] ? tools.map { [Value.Entry("xml_tools", .list($0))] } ?? [] : []
    let context = ChatContext(
      messages: messages, tools: tools, addGenerationPrompt: addsGenerationPrompt,
      others: specialTokens + byOtherName + variables.map { Value.Entry($0.key, value($0.value, mark)) })
    do throws(TemplateProblem) {
      let text = try template.render(context, now: now)
      return (
        String(String.UnicodeScalarView(text.unicodeScalars.lazy.filter { $0 != mark })),
        controls.encode(text, cutAt: mark, with: tokenizer)
      )
    } catch {
      throw ChatProblem(rendering: error)
    }
  }

  /// Whether the template reads a variable of this name.
  public func asks(for variable: String) -> Bool { template.asks(for: variable) }

  private func value(_ message: ChatMessage, _ mark: Unicode.Scalar) -> Value {
    let isAnswer = message.role == .assistant
    let role = message.role == .developer && !knowsDeveloper ? .system : message.role
    var content = controls.broken(message.content, by: mark, isAnswer: isAnswer)
    // The template of gpt-oss has room for one of the two beside a call, and the thoughts are what it is to go on from.
    if hasChannels, !message.calls.isEmpty, message.reasoning?.isEmpty == false { content = "" }
    if hasToolsInMessage, !message.calls.isEmpty {
      // The template has no place for calls: they stand where the model wrote them.
      let calls = JSONValue.array(message.calls.map { ["name": .string($0.name), "arguments": $0.arguments] })
      content += "<|tool_call|>\(controls.broken(Self.spaced(calls), by: mark))<|/tool_call|>"
    }
    var entries = [
      Value.Entry("role", .string(hasToolsInMessage && role == .tool ? "tool_response" : role.rawValue)),
      Value.Entry("content", .string(content)),
    ]
    if let name = message.name { entries.append(Value.Entry("name", .string(controls.broken(name, by: mark)))) }
    if let reasoning = message.reasoning {
      let text = controls.broken(reasoning, by: mark, isAnswer: true)
      entries.append(Value.Entry(hasChannels ? "thinking" : "reasoning_content", .string(text)))
    }
    if !message.calls.isEmpty {
      entries.append(Value.Entry("tool_calls", .list(message.calls.map { value($0, mark) })))
    }
    if let id = message.callID { entries.append(Value.Entry("tool_call_id", .string(controls.broken(id, by: mark)))) }
    return .dict(entries)
  }

  /// Functions as Phi-4-mini was taught them: without what is around each in the API.
  private static func declaration(_ tools: [JSONValue]) -> JSONValue {
    .string(spaced(.array(tools.map { $0["function"] ?? $0 })))
  }

  private static func spaced(_ json: JSONValue) -> String {
    JSONWriter.string(json, options: JSONWriter.Options(spaced: true))
  }

  /// Gives functions to the system message, which is made if there is none.
  private static func declare(_ tools: Value, in messages: inout [Value]) {
    let entry = Value.Entry("tools", tools)
    if case .dict(var entries)? = messages.first, entries.contains(where: { $0 == Value.Entry("role", "system") }) {
      entries.append(entry)
      messages[0] = .dict(entries)
    } else {
      messages.insert(.dict([Value.Entry("role", "system"), Value.Entry("content", ""), entry]), at: 0)
    }
  }

  /// A call as transformers has it: the arguments as an object, not as a text.
  private func value(_ call: ToolCall, _ mark: Unicode.Scalar) -> Value {
    let function = Value.dict([
      Value.Entry("name", .string(controls.broken(call.name, by: mark))),
      Value.Entry("arguments", value(call.arguments, mark)),
    ])
    let id = call.id.map { [Value.Entry("id", .string(controls.broken($0, by: mark)))] } ?? []
    return .dict(id + [Value.Entry("type", "function"), Value.Entry("function", function)])
  }

  private func value(_ json: JSONValue, _ mark: Unicode.Scalar) -> Value {
    switch json {
    case .null: .none
    case .bool(let value): .bool(value)
    case .integer(let value): .int(Int(value))
    case .wideInteger(let digits): .wideInteger(digits)
    case .number(let value): .double(value)
    case .string(let text): .string(controls.broken(text, by: mark))
    case .array(let items): .list(items.map { value($0, mark) })
    case .object(let object):
      .dict(object.map { Value.Entry(controls.broken($0.key, by: mark), value($0.value, mark)) })
    }
  }

  /// Everything of a conversation that people wrote.
  private static func texts(
    _ messages: [ChatMessage], _ tools: [JSONValue], _ variables: JSONObject
  ) -> [String] {
    let calls = messages.flatMap(\.calls)
    return messages.flatMap { [$0.content, $0.name, $0.reasoning, $0.callID].compactMap { $0 } }
      + calls.flatMap { [$0.name, $0.id ?? "", JSONWriter.string($0.arguments)] }
      + [JSONWriter.string(.array(tools)), JSONWriter.string(.object(variables))]
  }

  /// Local time.
  public static func wallClock() -> TemplateClock {
    var seconds = time(nil)
    var local = tm()
    localtime_r(&seconds, &local)
    return TemplateClock(secondsSince1970: seconds, offsetFromUTC: local.tm_gmtoff)
  }
}
