// SPDX-License-Identifier: Apache-2.0
// Requests that cannot be answered: each gets an error of the API's shape that names what is wrong.

import Basics
import Server
import Testing

/// A request and the error it gets.
struct Refused: Sendable, CustomTestStringConvertible {
  var name: String
  var path = "/v1/chat/completions"
  var body: String
  var status = 400
  var param: String?
  var code: String

  var testDescription: String { name }

  /// A chat request with one field more.
  static func chat(_ field: String, _ param: String?, _ code: String, status: Int = 400) -> Refused {
    Refused(
      name: "chat with \(field)",
      body: "{\"model\":\"llama\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\(field)}", status: status,
      param: param, code: code)
  }

  /// A chat request with these messages.
  static func messages(_ messages: String, _ param: String, _ code: String) -> Refused {
    Refused(
      name: "messages \(messages.prefix(60))", body: "{\"model\":\"llama\",\"messages\":\(messages)}", param: param,
      code: code)
  }

  /// A completion request with these fields.
  static func completion(_ fields: String, _ param: String?, _ code: String) -> Refused {
    Refused(
      name: "completion with \(fields.prefix(60))", path: "/v1/completions", body: "{\"model\":\"llama\",\(fields)}",
      param: param, code: code)
  }
}

@Suite("Refusals")
struct RefusalTests {
  static let cases: [Refused] = [
    Refused(name: "no JSON", body: "{\"model\":", code: "invalid_json"),
    Refused(name: "an empty body", body: "", code: "invalid_json"),
    Refused(name: "no object", body: "[1]", code: "invalid_type"),
    Refused(name: "a lone surrogate", body: "{\"model\":\"\\ud800\"}", code: "invalid_json"),
    Refused(name: "a key twice", body: "{\"model\":\"a\",\"model\":\"b\"}", code: "invalid_json"),
    Refused(name: "deep nesting", body: String(repeating: "[", count: 10_000), code: "invalid_json"),
    Refused(
      name: "no model", body: "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}", param: "model",
      code: "missing_required_parameter"),
    Refused(
      name: "an unknown model", body: "{\"model\":\"gpt-9\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}",
      status: 404, param: "model", code: "model_not_found"),
    .chat("\"temperature\":\"hot\"", "temperature", "invalid_type"),
    .chat("\"temperature\":2.5", "temperature", "above_max_value"),
    .chat("\"temperature\":-0.1", "temperature", "below_min_value"),
    .chat("\"top_p\":1.5", "top_p", "above_max_value"),
    .chat("\"max_tokens\":1.5", "max_tokens", "invalid_type"),
    .chat("\"max_tokens\":0", "max_tokens", "below_min_value"),
    .chat("\"max_tokens\":99999999999999999999", "max_tokens", "invalid_type"),
    .chat("\"max_completion_tokens\":0", "max_completion_tokens", "below_min_value"),
    .chat("\"n\":0", "n", "below_min_value"),
    .chat("\"n\":17", "n", "above_max_value"),
    .chat("\"stream\":\"yes\"", "stream", "invalid_type"),
    .chat("\"stream_options\":{\"include_usage\":true}", "stream_options", "invalid_value"),
    .chat("\"stream\":true,\"stream_options\":{\"include_usage\":1}", "stream_options.include_usage", "invalid_type"),
    .chat("\"seed\":\"x\"", "seed", "invalid_type"),
    .chat("\"stop\":5", "stop", "invalid_type"),
    .chat("\"stop\":[\"a\",5]", "stop[1]", "invalid_type"),
    .chat("\"stop\":\"\"", "stop[0]", "invalid_value"),
    .chat(
      "\"stop\":[\(Array(repeating: "\"a\"", count: 17).joined(separator: ","))]", "stop", "array_above_max_length"),
    .chat("\"logprobs\":5", "logprobs", "invalid_type"),
    .chat("\"top_logprobs\":2", "top_logprobs", "invalid_value"),
    .chat("\"logprobs\":true,\"top_logprobs\":21", "top_logprobs", "above_max_value"),
    .chat("\"logit_bias\":{\"x\":1}", "logit_bias", "invalid_value"),
    .chat("\"logit_bias\":{\"5\":101}", "logit_bias.5", "invalid_value"),
    .chat("\"logit_bias\":{\"320\":1}", "logit_bias", "invalid_value"),
    .chat("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]", "tools", "unsupported_parameter"),
    .chat("\"tools\":{}", "tools", "invalid_type"),
    .chat("\"tools\":[5]", "tools[0]", "invalid_type"),
    .chat("\"tools\":[{}]", "tools[0].type", "missing_required_parameter"),
    .chat("\"tools\":[{\"type\":\"web_search\"}]", "tools[0].type", "unsupported_parameter"),
    .chat("\"tools\":[{\"type\":\"function\"}]", "tools[0].function", "missing_required_parameter"),
    .chat(
      "\"tools\":[{\"type\":\"function\",\"function\":{}}]", "tools[0].function.name", "missing_required_parameter"),
    .chat(
      "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]", "tools[0].function.name",
      "invalid_value"),
    .chat(
      "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"parameters\":[]}}]",
      "tools[0].function.parameters", "invalid_type"),
    .chat("\"tool_choice\":\"required\"", "tool_choice", "unsupported_parameter"),
    .chat("\"tool_choice\":{\"type\":\"function\"}", "tool_choice", "unsupported_parameter"),
    .chat("\"tool_choice\":\"maybe\"", "tool_choice", "invalid_value"),
    .chat("\"tool_choice\":5", "tool_choice", "invalid_type"),
    .chat("\"parallel_tool_calls\":5", "parallel_tool_calls", "invalid_type"),
    .chat("\"response_format\":{\"type\":\"json_object\"}", "response_format", "unsupported_parameter"),
    .messages("[]", "messages", "empty_array"),
    .messages("\"Hi\"", "messages", "invalid_type"),
    .messages("[5]", "messages[0]", "invalid_type"),
    .messages("[{\"content\":\"Hi\"}]", "messages[0].role", "missing_required_parameter"),
    .messages("[{\"role\":\"king\",\"content\":\"Hi\"}]", "messages[0].role", "invalid_value"),
    .messages("[{\"role\":\"user\"}]", "messages[0].content", "missing_required_parameter"),
    .messages("[{\"role\":\"user\",\"content\":5}]", "messages[0].content", "invalid_type"),
    .messages(
      "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]", "messages[0].content[0].type",
      "unsupported_parameter"),
    .messages(
      "[{\"role\":\"user\",\"content\":\"\(String(repeating: "far too long ", count: 900))\"}]", "messages",
      "context_length_exceeded"),
    .completion("\"max_tokens\":4", "prompt", "missing_required_parameter"),
    .completion("\"prompt\":[]", "prompt", "empty_array"),
    .completion("\"prompt\":\"\"", "prompt", "invalid_value"),
    .completion("\"prompt\":{}", "prompt", "invalid_type"),
    .completion("\"prompt\":[\"a\",{}]", "prompt[1]", "invalid_type"),
    .completion("\"prompt\":[1,-1]", "prompt[1]", "invalid_type"),
    .completion("\"prompt\":[1,320]", "prompt", "invalid_value"),
    .completion("\"prompt\":\"Hi\",\"max_tokens\":0", "max_tokens", "below_min_value"),
    .completion("\"prompt\":\"Hi\",\"logprobs\":21", "logprobs", "above_max_value"),
    .completion("\"prompt\":\"Hi\",\"suffix\":\"end\"", "suffix", "unsupported_parameter"),
    .completion(
      "\"prompt\":[\(Array(repeating: "\"a\"", count: 129).joined(separator: ","))]", "prompt", "array_above_max_length"
    ),
    .completion("\"prompt\":\"\(String(repeating: "long ", count: 2100))\"", "prompt", "context_length_exceeded"),
    Refused(
      name: "tokenize without a text", path: "/tokenize", body: "{\"model\":\"llama\"}", param: "prompt",
      code: "missing_required_parameter"),
    Refused(
      name: "detokenize what is no token", path: "/detokenize", body: "{\"model\":\"llama\",\"tokens\":[\"a\"]}",
      param: "tokens", code: "invalid_type"),
  ]

  @Test("say what is wrong and where")
  func table() async throws {
    try await withServer { client in
      for refused in Self.cases {
        let reply = try await client.send("POST", refused.path, body: Array(refused.body.utf8))
        #expect(reply.status == refused.status, "\(refused.name): \(reply.text)")
        let error = try #require(try reply.json["error"]?.objectValue, "\(refused.name)")
        #expect(error.keys == ["message", "type", "param", "code"], "\(refused.name)")
        #expect(error["type"] == "invalid_request_error", "\(refused.name)")
        #expect(error["param"] == refused.param.map { .string($0) } ?? .null, "\(refused.name)")
        #expect(error["code"]?.stringValue == refused.code, "\(refused.name)")
        #expect(error["message"]?.stringValue?.isEmpty == false, "\(refused.name)")
      }
      // And the server goes on.
      #expect(try await client.chat().status == 200)
    }
  }

  @Test("are the same before a stream, where an error can still have its status")
  func streams() async throws {
    try await withServer { client in
      let reply = try await client.chat(String(repeating: "too long ", count: 2000), ["stream": true])
      #expect(reply.status == 400)
      #expect(try reply.json["error"]?["code"] == "context_length_exceeded")
      #expect(try reply.json["error"]?["message"]?.stringValue?.contains("2048") == true)
    }
  }

  @Test("name the methods a path has, and the paths that are none")
  func routes() async throws {
    try await withServer { client in
      for (method, path, allow) in [
        ("GET", "/v1/chat/completions", "POST, OPTIONS"), ("DELETE", "/v1/models", "GET, HEAD, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"), ("PUT", "/v1/models/tiny/llama", "GET, HEAD, OPTIONS"),
      ] {
        let reply = try await client.send(method, path)
        #expect(reply.status == 405)
        #expect(reply.headers["allow"] == allow)
        #expect(try reply.json["error"]?["code"] == "method_not_allowed")
      }
      #expect(try await client.send("HEAD", "/v1/completions").status == 405)
      #expect(try await client.send("OPTIONS", "/v1/completions").headers["allow"] == "POST, OPTIONS")
      for path in ["/", "/v1", "/v1/nothing", "/v2/models", "/v1/chat/completions/more"] {
        let reply = try await client.get(path)
        #expect(reply.status == 404)
        #expect(try reply.json["error"]?["code"] == "unknown_url")
      }
    }
  }

  @Test("turn away bodies that are no JSON by name, or too large")
  func bodies() async throws {
    try await withServer(FixtureModels()) {
      $0.bodyLimit = 4096
    } _: { client in
      let body = JSONWriter.bytes(Client.chat())
      for type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let reply = try await client.send("POST", "/v1/chat/completions", ["Content-Type": type], body: body)
        #expect(reply.status == 415)
        #expect(try reply.json["error"]?["code"] == "unsupported_content_type")
      }
      let utf8 = ["Content-Type": "Application/JSON; charset=utf-8"]
      #expect(try await client.send("POST", "/v1/chat/completions", utf8, body: body).status == 200)
      let large = Client.chat(String(repeating: "a", count: 5000))
      #expect(try await client.post("/v1/chat/completions", large).status == 413)
      #expect(try await client.chat().status == 200)
    }
  }
}
