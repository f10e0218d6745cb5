// SPDX-License-Identifier: Apache-2.0
// Functions in conversations: what the model's template is given, and that answers without calls stay as they are.

import Basics
import Server
import Support
import Testing

@Suite("Tools")
struct ToolTests {
  /// The tiny model with a template that writes tools and calls down.
  private func withTools(_ extra: String = "", _ body: (Client) async throws -> Void) async throws {
    try await with(
      template: """
        {% if tools %}Tools: {% for tool in tools %}{{ tool | tojson }}{% endfor %} <tool_call>{% endif %}
        {% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls or [] %}
        <tool_call>{{ c.id }} {{ c.function.name }} {{ c.function.arguments.city }}</tool_call>{% endfor %}
        {% if m.tool_call_id %}({{ m.tool_call_id }}){% endif %}{% endfor %}answer:\(extra)
        """, body)
  }

  private func with(template: String, _ body: (Client) async throws -> Void) async throws {
    let folder = try TemporaryFolder("impetus-tools")
    let source = Fixtures.url("models/llama")
    for name in try Files.list(source) where Files.isFile("\(source)/\(name)") {
      try Files.link("\(folder.path)/\(name)", to: "\(source)/\(name)")
    }
    try folder.write(template, to: "chat_template.jinja")
    try await withServer(FixtureModels([FixtureModels.model(Client.model, folder.path)]), { _ in }, body)
  }

  private static let tools: JSONValue = [
    [
      "type": "function",
      "function": ["name": "weather", "description": "The weather.", "parameters": ["type": "object"]],
    ]
  ]

  private func prompt(_ client: Client, _ fields: JSONObject) async throws -> String {
    var body: JSONObject = ["model": .string(Client.model)]
    for (key, value) in fields { body[key] = value }
    let tokens = try await client.post("/tokenize", .object(body)).json["tokens"] ?? []
    return try await client.post("/detokenize", ["model": .string(Client.model), "tokens": tokens]).json["content"]?
      .stringValue ?? ""
  }

  @Test("the template gets the functions, the calls of earlier answers and their results")
  func template() async throws {
    try await withTools { client in
      let messages: JSONValue = [
        ["role": "user", "content": "How is it in Berlin?"],
        [
          "role": "assistant", "content": .null,
          "tool_calls": [
            [
              "id": "abcdefghi", "type": "function",
              "function": ["name": "weather", "arguments": "{\"city\": \"Berlin\"}"],
            ]
          ],
        ],
        ["role": "tool", "content": "sunny", "tool_call_id": "abcdefghi"],
      ]
      let text = try await prompt(client, ["messages": messages, "tools": Self.tools])
      for part in ["Tools: {", "The weather.", "abcdefghi weather Berlin", "sunny", "(abcdefghi)"] {
        #expect(text.contains(part), "\(part) in \(text)")
      }
      let none = try await prompt(client, ["messages": messages, "tools": Self.tools, "tool_choice": "none"])
      #expect(!none.contains("Tools:"))
    }
  }

  @Test("an answer without calls is the same, whole and in pieces")
  func plain() async throws {
    try await withTools { client in
      let fields: JSONObject = ["tools": Self.tools, "max_tokens": 12]
      let whole = try await client.chat("Hi", fields)
      #expect(whole.status == 200, "\(whole.text)")
      #expect(try whole.json["choices"]?[0]?["message"]?["tool_calls"] == nil)
      var streamed = fields
      streamed["stream"] = true
      let events = try await client.chat("Hi", streamed).events
      let text = events.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.stringValue }.joined()
      #expect(try whole.json.message() == text)
      #expect(events.last?["choices"]?[0]?["finish_reason"] == "length")
      #expect(try await client.chat("Hi", ["tools": Self.tools, "logprobs": true]).status == 400)
    }
  }

  @Test("a template that knows functions by its own name only gets them by it") func otherName() async throws {
    let template = "{% if xml_tools %}<tool_call>{{ xml_tools[0].function.name }}{% endif %}{{ messages[0].content }}"
    try await with(template: template) { client in
      let messages: JSONValue = [["role": "user", "content": "Hi"]]
      let (with, without) = (
        try await prompt(client, ["messages": messages, "tools": Self.tools]),
        try await prompt(client, ["messages": messages])
      )
      #expect(with.hasSuffix("<tool_call>weatherHi") && without.hasSuffix("Hi") && !without.contains("weather"))
    }
  }

  @Test("a template that reads functions in the system message gets them there, as it does calls and results")
  func inMessage() async throws {
    let template = """
      {% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{% if 'tools' in message %}<|tool|>
      {{- message['tools'] }}<|/tool|>{% endif %}{% endfor %}
      """
    try await with(template: template) { client in
      let user: JSONValue = ["role": "user", "content": "Hi"]
      let function = #"{"name": "weather", "description": "The weather.", "parameters": {"type": "object"}}"#
      let declared = "<|tool|>[\(function)]<|/tool|>"
      let alone = try await prompt(client, ["messages": [user], "tools": Self.tools])
      #expect(alone.contains("<|system|>\(declared)<|user|>Hi"), "\(alone)")
      let messages: JSONValue = [
        ["role": "system", "content": "Be brief."], user,
        [
          "role": "assistant", "content": "So.",
          "tool_calls": [
            ["id": "a", "type": "function", "function": ["name": "weather", "arguments": "{\"city\": \"Köln\"}"]]
          ],
        ],
        ["role": "tool", "content": "sunny", "tool_call_id": "a"],
      ]
      let text = try await prompt(client, ["messages": messages, "tools": Self.tools])
      let called = #"<|tool_call|>[{"name": "weather", "arguments": {"city": "Köln"}}]<|/tool_call|>"#
      #expect(text.contains("<|system|>Be brief.\(declared)<|user|>Hi<|assistant|>So.\(called)"), "\(text)")
      #expect(text.hasSuffix("<|tool_response|>sunny"))
      let none = try await prompt(client, ["messages": messages, "tools": Self.tools, "tool_choice": "none"])
      #expect(!none.contains("<|tool|>"))
    }
  }

  @Test("thoughts of earlier answers are called thinking where the template has channels") func thinking() async throws
  {
    let template = """
      {% if tools %}{% endif %}{% for m in messages %}<|channel|>{{ m.thinking }}<|message|>{{ m.content }}{% endfor %}
      """
    let call: JSONValue = ["id": "a", "type": "function", "function": ["name": "weather", "arguments": "{}"]]
    try await with(template: template) { client in
      var answer: JSONObject = ["role": "assistant", "content": "Wait.", "reasoning_content": "Hm."]
      let said = try await prompt(client, ["messages": [.object(answer)]])
      #expect(said.hasSuffix("<|channel|>Hm.<|message|>Wait."), "\(said)")
      answer["tool_calls"] = [call]
      let called = try await prompt(client, ["messages": [.object(answer)], "tools": Self.tools])
      #expect(called.hasSuffix("<|channel|>Hm.<|message|>"), "\(called)")
    }
  }

  @Test("an answer of a model whose template has channels is read without functions too; one without channels is text")
  func channels() async throws {
    try await withTools("{% if false %}<|channel|><|message|>{% endif %}") { client in
      let whole = try await client.chat("Hi", ["max_tokens": 12])
      #expect(whole.status == 200, "\(whole.text)")
      #expect(try whole.json["choices"]?[0]?["message"]?["reasoning_content"] == nil)
      let scored = try await client.chat("Hi", ["max_tokens": 12, "stream": true, "logprobs": true]).events
      let text = scored.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.stringValue }.joined()
      #expect(try whole.json.message() == text && !text.isEmpty)
      let scores = scored.compactMap { $0["choices"]?[0]?["logprobs"]?["content"]?.arrayValue?.count }
      #expect(scores.reduce(0, +) == 12)
    }
  }
}
