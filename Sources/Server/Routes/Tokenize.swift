// SPDX-License-Identifier: Apache-2.0
// POST /tokenize and /detokenize, as vLLM and llama-server have them.

internal import Basics
internal import Hummingbird
internal import Inference
internal import Models
internal import Tokenizers

extension API {
  /// The tokens of `prompt` (or `content`), or of `messages` by the chat template.
  func tokenize(_ request: Request, _ context: ServerContext) async throws -> Response {
    let body = try await body(of: request, context)
    let lease = try await lease(try Self.text(body, "model"))
    let model = lease.model
    let addsSpecial = try Self.flag(body, "add_special_tokens") ?? true
    let parsesSpecial = try Self.flag(body, "parse_special") ?? true
    let tokens: [Int32]
    if body["messages"] != nil {
      let asked = try ChatRequest(body)
      tokens = try await Blocking.run("prompt") {
        try model.chatFormat().prompt(
          asked.messages, tools: asked.tools.tools, variables: asked.templateVariables)
      }
    } else {
      guard let text = try Self.text(body, "prompt") ?? Self.text(body, "content") else {
        throw APIError.missing("prompt")
      }
      tokens = try await Blocking.run("prompt") {
        model.tokenizer.encode(text, addSpecialTokens: addsSpecial, parseSpecial: parsesSpecial)
      }
    }
    return Response([
      "tokens": .array(tokens.map { JSONValue($0) }), "count": JSONValue(tokens.count),
      "max_model_len": JSONValue(model.session.capacity),
    ])
  }

  /// The text of `tokens`.
  func detokenize(_ request: Request, _ context: ServerContext) async throws -> Response {
    let body = try await body(of: request, context)
    let lease = try await lease(try Self.text(body, "model"))
    let model = lease.model
    guard let list = body["tokens"] else { throw APIError.missing("tokens") }
    let tokens = list.arrayValue?.compactMap { $0.intValue.flatMap { Int32(exactly: $0) } }
    guard let tokens, tokens.count == list.arrayValue?.count else {
      throw Fields.wrongType("tokens", "an array of token numbers", list)
    }
    let skips = try Self.flag(body, "skip_special_tokens") ?? false
    let text = try await Blocking.run("prompt") { model.tokenizer.decode(tokens, skipSpecial: skips) }
    return Response(["prompt": .string(text), "content": .string(text)])
  }

  private static func text(_ body: JSONValue, _ name: String) throws(APIError) -> String? {
    guard let value = body[name], !value.isNull else { return nil }
    guard let text = value.stringValue else { throw Fields.wrongType(name, "a string", value) }
    return text
  }

  private static func flag(_ body: JSONValue, _ name: String) throws(APIError) -> Bool? {
    guard let value = body[name], !value.isNull else { return nil }
    guard let flag = value.boolValue else { throw Fields.wrongType(name, "a boolean", value) }
    return flag
  }
}
