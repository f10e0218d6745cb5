// SPDX-License-Identifier: Apache-2.0
// Calls of functions in answers, in the forms of the families, whole and in pieces of any size.

import Basics
import Models
import Testing

@Suite struct ToolCallReaderTests {
  /// An answer and what it is made of: texts as they are, calls as `id name(arguments)`.
  struct Case: CustomTestStringConvertible, Sendable {
    let form: ToolCallForm
    let answer: String
    let expected: [String]
    var testDescription: String { "\(form): \(answer.prefix(60))" }

    init(_ form: ToolCallForm, _ answer: String, _ expected: String...) {
      (self.form, self.answer, self.expected) = (form, answer, expected)
    }
  }

  static let weather = "{\"name\": \"weather\", \"arguments\": {\"city\": \"Berlin\"}}"
  static let called = "weather({\"city\":\"Berlin\"})"

  static let cases: [Case] = [
    Case(.tagged, "Hello.", "Hello."), Case(.tagged, ""), Case(.tagged, "  \n"),
    Case(.tagged, "<tool_call>\n\(weather)\n</tool_call>", called),
    Case(.tagged, "Let me see.\n<tool_call>\(weather)</tool_call>\n", "Let me see.", called),
    Case(.tagged, "<tool_call>\(weather)</tool_call>\n<tool_call>\(weather)</tool_call>", called, called),
    Case(.tagged, "<tool_call>\(weather)", called),
    Case(.tagged, "<tool_call>\(weather)</tool_", "<tool_call>\(weather)</tool_"),
    Case(.tagged, "<tool_call>\(weather)</tool_call> and then", called, " and then"),
    Case(.tagged, "<tool_call>nonsense</tool_call> x", "<tool_call>nonsense</tool_call> x"),
    Case(.tagged, "<tool_call>{\"name\": \"no name!\"}</tool_call>", "<tool_call>{\"name\": \"no name!\"}</tool_call>"),
    Case(.tagged, "a < b <tool b <tool_cal", "a < b <tool b <tool_cal"),
    Case(.tagged, "<<tool_call>\(weather)</tool_call>", "<", called),
    Case(.tagged, "<tool_call>{\"name\": \"now\"}</tool_call>", "now({})"),
    Case(.tagged, "<tool_call>{\"name\": \"x\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>", "x({\"a\":1})"),
    Case(.tagged, "<tool_call>{\"type\": \"function\", \"function\": \(weather)}</tool_call>", called),
    Case(
      .tagged, "<tool_call>{\"name\": \"x\", \"arguments\": {\"t\": \"ä</b>😀\"}}</tool_call>", "x({\"t\":\"ä</b>😀\"})"),
    Case(.tagged, " \(weather)\n", called), Case(.tagged, "{\"a\": 1}", "{\"a\": 1}"),
    Case(.tagged, "{x} <tool_call>\(weather)</tool_call>", "{x}", called),
    Case(.tagged, "{\"name\": \"Bob\", \"arguments\": {}}", "{\"name\": \"Bob\", \"arguments\": {}}"),
    Case(
      .tagged, "<tool_call>\n<function=weather>\n<parameter=city>\nBerlin\n</parameter>\n</function>\n</tool_call>",
      called),
    Case(.tagged, "Yes.\n<tool_call>\n<function=now>\n</function>\n</tool_call>\n", "Yes.", "now({})"),
    Case(
      .tagged,
      "<tool_call><function=set><parameter=count>\n3\n</parameter><parameter=code>\n12\n</parameter><parameter=on>True"
        + "</parameter><parameter=list>\n[1, \"a\"]\n</parameter><parameter=text>\n\n a\n\nb </parameter>\n</function></tool_call>",
      "set({\"count\":3,\"code\":\"12\",\"on\":true,\"list\":[1,\"a\"],\"text\":\"\\n a\\n\\nb \"})"),
    Case(
      .tagged, "<tool_call><function=set><parameter=count>many<parameter=on>x</function></tool_call>",
      "set({\"count\":\"many\",\"on\":\"x\"})"),
    Case(
      .tagged,
      "<tool_call><function=set>\n<parameter=count>\nmany\n<parameter=text>\na <parameter=x> stays\n</parameter>"
        + "</function></tool_call>", "set({\"count\":\"many\",\"text\":\"a <parameter=x> stays\"})"),
    Case(
      .tagged, "<tool_call><function=no name></function></tool_call>",
      "<tool_call><function=no name></function></tool_call>"),
    Case(.announced, "<|tool_call|>[\(weather), \(weather)]", called, called),
    Case(.announced, "Hm. <|tool_call|>\(weather)", "Hm.", called),
    Case(.announced, "<|tool_call|>none", "<|tool_call|>none"), Case(.announced, "a <|tool", "a <|tool"),
    Case(
      .marked,
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": \"Berlin\"}<｜tool▁call▁end｜>"
        + "<｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", called, "now({})"),
    Case(
      .marked,
      "So.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": \"Berlin\"}\n```"
        + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "So.", called),
    Case(.marked, "<｜tool▁calls▁begin｜>x<｜tool▁calls▁end｜>", "<｜tool▁calls▁begin｜>x<｜tool▁calls▁end｜>"),
    Case(.enclosed, "Hm.<|tool_call|>[\(weather), \(weather)]<|/tool_call|>", "Hm.", called, called),
    Case(.enclosed, "<|tool_call|>\(weather)", called),
    Case(.enclosed, "<|tool_call|>x<|/tool_call|>", "<|tool_call|>x<|/tool_call|>"),
    Case(.functools, "functools[\(weather)]", called), Case(.functools, "func", "func"),
    Case(.functools, "functools is a module", "functools is a module"),
    Case(
      .sectioned,
      "So.<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>"
        + "{\"city\": \"Berlin\"}<|tool_call_end|>\n<|tool_call_begin|>now:1<|tool_call_argument_begin|>{}<|tool_call_end|>"
        + "<|tool_calls_section_end|>", "So.", "functions.weather:0 " + called, "now:1 now({})"),
    Case(
      .sectioned, "<|tool_calls_section_begin|>functions.x:0<|tool_calls_section_end|>",
      "<|tool_calls_section_begin|>functions.x:0<|tool_calls_section_end|>"),
    Case(.listed, "[TOOL_CALLS] [\(weather), \(weather)]", called, called),
    Case(.listed, "[TOOL_CALLS][]", "[TOOL_CALLS][]"), Case(.listed, "[TOOL_CALLS] later", "[TOOL_CALLS] later"),
    Case(.listed, "Well. [TOOL_CALLS]weather[ARGS]{\"city\": \"Berlin\"}", "Well.", called),
    Case(.listed, "[TOOL_CALLS]weather{\"city\": \"Berlin\"}[TOOL_CALLS]now[ARGS]{}", called, "now({})"),
    Case(.listed, "[TOOL", "[TOOL"), Case(.listed, "plain", "plain"),
    Case(.bare, "{\"name\": \"weather\", \"parameters\": {\"city\": \"Berlin\"}}", called),
    Case(.bare, "\n<|python_tag|>{\"name\": \"weather\", \"parameters\": {\"city\": \"Berlin\"}}", called),
    Case(.bare, "\(weather); \(weather)", called, called),
    Case(.bare, "{\"name\": \"Bob\", \"parameters\": {}}", "{\"name\": \"Bob\", \"parameters\": {}}"),
    Case(.bare, "{\"name\": \"weather\"}", "{\"name\": \"weather\"}"), Case(.bare, "{ is a brace", "{ is a brace"),
    Case(.bare, "Use \(weather)", "Use \(weather)"), Case(.bare, "<|py", "<|py"), Case(.bare, "<b>x</b>", "<b>x</b>"),
    Case(.bare, "{\"a\": [1, 2", "{\"a\": [1, 2"),
  ]

  static let types = ParameterTypes([
    [
      "function": [
        "name": "set",
        "parameters": [
          "properties": [
            "count": ["type": "integer"], "code": ["type": "string"],
            "on": ["anyOf": [["type": "boolean"], ["type": "null"]]],
            "list": ["type": "array"],
          ]
        ],
      ]
    ]
  ])

  private func read(_ one: Case, pieces: Int) -> [String] {
    var reader = ToolCallReader(one.form, names: ["weather", "now"], types: Self.types)
    var parts: [ToolCallReader.Part] = []
    var rest = Substring(one.answer)
    while !rest.isEmpty {
      parts += reader.append(String(rest.prefix(pieces)))
      rest = rest.dropFirst(pieces)
    }
    parts += reader.finish()
    var found: [String] = []
    var wasText = false
    for part in parts {
      switch part {
      case .text(let text):
        if wasText { found[found.count - 1] += text } else { found.append(text) }
        wasText = true
      case .reasoning: Issue.record("nothing is thought here")
      case .call(let call):
        found.append("\(call.id.map { "\($0) " } ?? "")\(call.name)(\(JSONWriter.string(call.arguments)))")
        wasText = false
      }
    }
    return found
  }

  @Test("calls and text are told apart, however the answer is cut", arguments: cases) func read(_ one: Case) {
    for pieces in [1, 2, 3, 7, 1000] { #expect(read(one, pieces: pieces) == one.expected, "pieces of \(pieces)") }
  }

  @Test("a long answer is not read again with each of its pieces", arguments: ["\n", "\"a\", "])
  func length(_ piece: String) {
    let begin = ContinuousClock.now
    for (form, opening) in [
      (ToolCallForm.tagged, "<tool_call>"), (.sectioned, "<|tool_calls_section_begin|>"), (.bare, ""),
    ] {
      var reader = ToolCallReader(form, names: [])
      _ = reader.append(piece == "\n" ? "x" : opening)
      for _ in 0..<100_000 { _ = reader.append(piece) }
      _ = reader.finish()
    }
    var channels = ChannelReader()
    _ = channels.append(" to=functions.set<|channel|>commentary json<|message|>")
    for _ in 0..<100_000 { _ = channels.append(piece) }
    let parts = channels.append("<|call|>")
    #expect(parts.count == 1)
    #expect(ContinuousClock.now - begin < .seconds(20))
  }

  @Test("text that cannot become a call is shown at once") func prompt() {
    var reader = ToolCallReader(.tagged, names: [])
    #expect(reader.append("Hello") == [.text("Hello")])
    #expect(reader.append(" <") == [])
    #expect(reader.append("b>") == [.text(" <b>")])
    var bare = ToolCallReader(.bare, names: [])
    #expect(bare.append("Hello") == [.text("Hello")])
    #expect(bare.append(" {") == [.text(" {")])
  }
}
