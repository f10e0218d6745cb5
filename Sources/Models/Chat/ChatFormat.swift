// SPDX-License-Identifier: Apache-2.0
// From a conversation to the tokens a model was trained to read it as.

public import Basics
internal import Glibc
public import Templates
public import Tokenizers

/// A model's chat template, ready to use with its tokenizer. Immutable; use it from any thread.
public struct ChatFormat: Sendable {
  private let template: ChatTemplate
  private let specialTokens: [Value.Entry]
  private let controls: ControlTokens
  private let tokenizer: Tokenizer
  private let knowsDeveloper: Bool

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
  }

  /// The tokens of a conversation, up to where the model's answer begins.
  ///
  /// Control tokens come from the template only; what looks like one in a message stays text.
  /// - Parameters:
  ///   - variables: further variables of the template, such as `enable_thinking`.
  ///   - now: the time the template may tell the model.
  public func prompt(
    _ messages: [ChatMessage], variables: JSONObject = JSONObject(), now: TemplateClock = ChatFormat.wallClock()
  ) throws(ChatProblem) -> [TokenID] {
    let mark = ControlTokens.mark(notIn: Self.texts(messages, variables))
    let context = ChatContext(
      messages: messages.map { value($0, mark) }, addGenerationPrompt: true,
      others: specialTokens + variables.map { Value.Entry($0.key, value($0.value, mark)) })
    do throws(TemplateProblem) {
      return controls.encode(try template.render(context, now: now), cutAt: mark, with: tokenizer)
    } catch {
      throw ChatProblem(rendering: error)
    }
  }

  /// Whether the template reads a variable of this name.
  public func asks(for variable: String) -> Bool { template.asks(for: variable) }

  private func value(_ message: ChatMessage, _ mark: Unicode.Scalar) -> Value {
    let isAnswer = message.role == .assistant
    let role = message.role == .developer && !knowsDeveloper ? .system : message.role
    var entries = [
      Value.Entry("role", .string(role.rawValue)),
      Value.Entry("content", .string(controls.broken(message.content, by: mark, isAnswer: isAnswer))),
    ]
    if let name = message.name { entries.append(Value.Entry("name", .string(controls.broken(name, by: mark)))) }
    if let reasoning = message.reasoning {
      let text = controls.broken(reasoning, by: mark, isAnswer: true)
      entries.append(Value.Entry("reasoning_content", .string(text)))
    }
    return .dict(entries)
  }

  private func value(_ json: JSONValue, _ mark: Unicode.Scalar) -> Value {
    switch json {
    case .null: .none
    case .bool(let value): .bool(value)
    case .integer(let value): .int(Int(value))
    case .number(let value): .double(value)
    case .string(let text): .string(controls.broken(text, by: mark))
    case .array(let items): .list(items.map { value($0, mark) })
    case .object(let object):
      .dict(object.map { Value.Entry(controls.broken($0.key, by: mark), value($0.value, mark)) })
    }
  }

  /// Everything of a conversation that people wrote.
  private static func texts(_ messages: [ChatMessage], _ variables: JSONObject) -> [String] {
    messages.flatMap { [$0.content, $0.name, $0.reasoning].compactMap { $0 } } + [JSONWriter.string(.object(variables))]
  }

  /// Local time.
  public static func wallClock() -> TemplateClock {
    var seconds = time(nil)
    var local = tm()
    localtime_r(&seconds, &local)
    return TemplateClock(secondsSince1970: seconds, offsetFromUTC: local.tm_gmtoff)
  }
}
