// SPDX-License-Identifier: Apache-2.0
// `impetus template --check`: a chat template tried on conversations of every kind it may meet.

import Basics
import Models
import Tokenizers

/// Sample conversations through one template, and what follows from them.
struct TemplateCheck {
  let format: ChatFormat
  let tokenizer: Tokenizer
  let variables: JSONObject

  /// A conversation to be tried.
  private struct Sample {
    var name: String
    var messages: [ChatMessage]
    var tools: [JSONValue] = []
    /// Whether a template that refuses it is of no use at all.
    var isNeeded = false
  }

  private static let question = ChatMessage(.user, "What is the weather in Köln?")
  private static let tool: JSONValue = [
    "type": "function",
    "function": [
      "name": "get_weather", "description": "The weather of a city, now.",
      "parameters": [
        "type": "object", "required": ["city"],
        "properties": ["city": ["type": "string", "description": "Its name"], "days": ["type": "integer"]],
      ],
    ],
  ]

  private static var samples: [Sample] {
    let system = ChatMessage(.system, "Be brief.")
    var call = ChatMessage(.assistant, "")
    call.calls = [ToolCall(id: "call00001", name: "get_weather", arguments: ["city": "Köln", "days": 2])]
    var result = ChatMessage(.tool, "{\"temperature\": 20.5}", name: "get_weather")
    result.callID = "call00001"
    let answer = ChatMessage(.assistant, "Sunny, 20 °C.", reasoning: "The tool says 20.5.")
    return [
      Sample(name: "a question", messages: [question], isNeeded: true),
      Sample(
        name: "system message and a conversation",
        messages: [system, question, ChatMessage(.assistant, "Sunny."), ChatMessage(.user, "And tomorrow?")]),
      Sample(name: "functions offered", messages: [question], tools: [tool]),
      Sample(name: "a function called", messages: [question, call, result], tools: [tool]),
      Sample(name: "an answer with reasoning", messages: [question, answer, ChatMessage(.user, "Sure?")]),
    ]
  }

  private typealias Outcome = (sample: Sample, result: Result<(text: String, tokens: [TokenID]), ChatProblem>)

  private func render(_ sample: Sample, prompts: Bool = true) -> Outcome {
    let result = Result { () throws(ChatProblem) in
      try format.rendered(sample.messages, tools: sample.tools, variables: variables, addsGenerationPrompt: prompts)
    }
    return (sample, result)
  }

  /// Prints every sample and the findings.
  /// - Throws: the template's own problem when not even a question can be rendered.
  func report(json: Bool) throws {
    let outcomes = Self.samples.filter { $0.tools.isEmpty || format.toolCallForm != nil }.map { render($0) }
    let findings = findings(outcomes)
    if json {
      Output.standard.json([
        "samples": .array(outcomes.map(Self.json(tokenizer))), "findings": .array(findings.map { .string($0) }),
      ])
    } else {
      let style = Style(for: .standard)
      for (sample, result) in outcomes {
        Output.standard.line(style.bold("== \(sample.name)"))
        switch result {
        case .success(let prompt): Output.standard.line(PromptView(prompt, tokenizer).text)
        case .failure(let problem): Output.standard.line(Self.told(problem))
        }
        Output.standard.line("")
      }
      for finding in findings { Output.standard.line("- \(finding)") }
    }
    for (sample, result) in outcomes where sample.isNeeded { _ = try result.get() }
  }

  private static func told(_ problem: ChatProblem) -> String {
    [problem.what, problem.why].compactMap { $0 }.joined(separator: ": ")
  }

  private static func json(_ tokenizer: Tokenizer) -> (Outcome) -> JSONValue {
    { outcome in
      switch outcome.result {
      case .success(let prompt): ["name": .string(outcome.sample.name), "prompt": PromptView(prompt, tokenizer).json]
      case .failure(let problem):
        ["name": .string(outcome.sample.name), "error": .string(told(problem)), "code": .string(problem.code)]
      }
    }
  }

  // MARK: Findings

  private func findings(_ outcomes: [Outcome]) -> [String] {
    var findings: [String] = []
    func text(_ name: String) -> String? {
      outcomes.first { $0.sample.name == name }.flatMap { try? $0.result.get().text }
    }
    let system = text("system message and a conversation")
    findings.append(
      system.map { $0.contains("Be brief.") ? "system messages: yes" : "system messages: left out of the prompt" }
        ?? "system messages: refused")
    if let form = format.toolCallForm {
      let called = text("a function called").map { $0.contains("Köln") } ?? false
      findings.append("functions: yes, calls \(Self.name(form))\(called ? "" : "; earlier calls cannot be shown")")
    } else {
      findings.append("functions: the template knows none")
    }
    let thinking = ["enable_thinking", "thinking", "reasoning_effort"].filter { format.asks(for: $0) }
    if !thinking.isEmpty { findings.append("thinking: set by \(thinking.joined(separator: ", "))") }
    findings += promptFindings(outcomes)
    return findings
  }

  private static func name(_ form: ToolCallForm) -> String {
    switch form {
    case .tagged: "in <tool_call> tags"
    case .announced: "after <|tool_call|>"
    case .enclosed: "between <|tool_call|> and <|/tool_call|>"
    case .functools: "after functools"
    case .marked: "between DeepSeek's marks"
    case .sectioned: "in a section of their own"
    case .channels: "in a channel of their own"
    case .listed: "after [TOOL_CALLS]"
    case .bare: "as JSON alone"
    }
  }

  /// Where the answer begins, and mistakes that templates and tokenizers make together.
  private func promptFindings(_ outcomes: [Outcome]) -> [String] {
    guard let first = outcomes.first, let prompt = try? first.result.get() else { return [] }
    var findings: [String] = []
    if let whole = try? render(first.sample, prompts: false).result.get() {
      findings.append(
        prompt.text == whole.text
          ? "the prompt for an answer: none, the model has to open its own turn"
          : prompt.text.hasPrefix(whole.text)
            ? "the prompt for an answer: \(JSONWriter.string(.string(String(prompt.text.dropFirst(whole.text.count)))))"
            : "the prompt for an answer: changes what stands before it")
    }
    if prompt.tokens.count > 1, prompt.tokens[0] == prompt.tokens[1], tokenizer.isSpecial(prompt.tokens[0]) {
      findings.append("the first token stands twice: \(tokenizer.token(of: prompt.tokens[0]) ?? "")")
    }
    if !prompt.tokens.contains(where: { tokenizer.isSpecial($0) }) {
      findings.append("no control tokens: the tokenizer knows none of what the template writes")
    }
    return findings
  }
}
