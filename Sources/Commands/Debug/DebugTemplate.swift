// SPDX-License-Identifier: Apache-2.0
// `impetus debug template`: chat templates rendered with a context, as transformers renders them.

import ArgumentParser
import Basics
import Glibc
import Templates

struct DebugTemplate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "template", abstract: "Answer lines of templates and contexts with the rendered text.",
    discussion: "IMPETUS_NOW (as 2024-07-26T14:05:09) sets the time that strftime_now sees.")

  func run() throws {
    let clock = Environment.value("IMPETUS_NOW").flatMap { TemplateClock($0) } ?? Self.localTime()
    try answerLines { question in
      do throws(TemplateProblem) {
        let template = try ChatTemplate(source: question["template"]?.stringValue ?? "")
        let text = try template.render(context: Self.variables(question["context"] ?? [:]), now: clock)
        return ["text": .string(text)]
      } catch {
        let (message, isRaised) = Self.told(error)
        return ["error": ["message": .string(message), "raised": .bool(isRaised)]]
      }
    }
  }

  /// The variables of a context: tools and documents are none, not undefined, when they are absent.
  private static func variables(_ context: JSONValue) -> [Value.Entry] {
    var entries = [
      Value.Entry("messages", .list([])), Value.Entry("tools", .none), Value.Entry("documents", .none),
      Value.Entry("add_generation_prompt", .bool(false)),
    ]
    for (key, value) in context.objectValue ?? JSONObject() {
      var value = Value(value)
      if key == "messages", case .list(let messages) = value {
        value = .list(messages.map(ChatContext.aliasingReasoning))
      }
      entries.append(Value.Entry(key, value))
    }
    return entries
  }

  private static func told(_ problem: TemplateProblem) -> (message: String, isRaised: Bool) {
    switch problem {
    case .raised(let message, _): (message, true)
    case .syntax(let message, _), .undefined(let message, _), .security(let message, _), .runtime(let message, _):
      (message, false)
    case .limit(_, let message, _): (message, false)
    }
  }

  private static func localTime() -> TemplateClock {
    var now = time(nil)
    var fields = tm()
    localtime_r(&now, &fields)
    return TemplateClock(secondsSince1970: now, offsetFromUTC: fields.tm_gmtoff)
  }
}

extension Value {
  /// A JSON document as a template sees it.
  init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .int(Int(value))
    case .wideInteger(let digits): self = .wideInteger(digits)
    case .number(let value): self = .double(value)
    case .string(let value): self = .string(value)
    case .array(let items): self = .list(items.map { Value($0) })
    case .object(let object): self = .dict(object.map { Value.Entry($0.key, Value($0.value)) })
    }
  }
}
