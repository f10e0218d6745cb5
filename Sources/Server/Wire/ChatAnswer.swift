// SPDX-License-Identifier: Apache-2.0
// The objects of an answer to a conversation: `chat.completion` and `chat.completion.chunk`.

internal import Basics
internal import Inference
internal import Models

/// Writes chat answers.
struct ChatAnswer: Sendable {
  let header: AnswerHeader
  let tokenText: TokenText
  /// Whether log probabilities were asked for.
  let isScored: Bool
  /// Whether chunks have a `usage`, null in all but the last.
  let includesUsage: Bool

  /// The whole answer.
  func whole(_ answers: [CollectedAnswer], usage: Usage) -> JSONValue {
    let choices = answers.enumerated().map { index, answer -> JSONValue in
      [
        "index": JSONValue(index),
        "message": .object(message(answer)),
        "logprobs": logprobs(answer.tokens),
        "finish_reason": reason(answer.reason, calls: answer.calls.count).map { .string($0) } ?? .null,
      ]
    }
    var object = header.object("chat.completion", choices: choices)
    object["usage"] = usage.json
    object["timings"] = usage.timings
    return .object(object)
  }

  private func message(_ answer: CollectedAnswer) -> JSONObject {
    let isSilent = answer.text.isEmpty && !answer.calls.isEmpty
    var message: JSONObject = [
      "role": "assistant", "content": isSilent ? .null : .string(answer.text), "refusal": .null,
    ]
    if !answer.reasoning.isEmpty { message["reasoning_content"] = .string(answer.reasoning) }
    if !answer.calls.isEmpty { message["tool_calls"] = .array(answer.calls.map { .object(Self.call($0)) }) }
    return message
  }

  /// `finish_reason`: an answer that ended by itself after calls waits for their results.
  func reason(_ reason: FinishReason, calls: Int) -> String? {
    if case .stop = reason, calls > 0 { return "tool_calls" }
    return reason.wireName
  }

  private static func call(_ call: ToolCall) -> JSONObject {
    // Nine letters and digits: what the templates of some models insist on when the call comes back.
    [
      "id": .string(call.id ?? AnswerHeader.letters(9)), "type": "function",
      "function": [
        "name": .string(call.name),
        "arguments": .string(call.arguments.stringValue ?? JSONWriter.string(call.arguments)),
      ],
    ]
  }

  /// A chunk with a call, which comes whole.
  func call(_ index: Int, _ call: ToolCall, number: Int) -> JSONValue {
    var object = Self.call(call)
    object["index"] = JSONValue(number)
    return chunk(index, delta: ["tool_calls": [.object(object)]], logprobs: .null, reason: .null)
  }

  /// A chunk with text alone.
  func text(_ index: Int, _ text: String) -> JSONValue {
    chunk(index, delta: ["content": .string(text)], logprobs: .null, reason: .null)
  }

  /// A chunk with what is thought.
  func reasoning(_ index: Int, _ text: String) -> JSONValue {
    chunk(index, delta: ["reasoning_content": .string(text)], logprobs: .null, reason: .null)
  }

  /// A chunk with log probabilities alone, where they were asked for: of answers that are read, texts and tokens do not go together.
  func scores(_ index: Int, _ tokens: [GeneratedToken]) -> [JSONValue] {
    guard isScored, !tokens.isEmpty else { return [] }
    return [chunk(index, delta: [:], logprobs: logprobs(tokens), reason: .null)]
  }

  /// The chunk that opens an answer.
  func opening(_ index: Int) -> JSONValue {
    chunk(index, delta: ["role": "assistant", "content": "", "refusal": .null], logprobs: .null, reason: .null)
  }

  /// A chunk with text; nil when there is nothing to say.
  func piece(_ index: Int, _ piece: GeneratedPiece) -> JSONValue? {
    guard !piece.text.isEmpty || (isScored && !piece.tokens.isEmpty) else { return nil }
    return chunk(index, delta: ["content": .string(piece.text)], logprobs: logprobs(piece.tokens), reason: .null)
  }

  /// The chunk that ends an answer.
  func closing(_ index: Int, _ reason: String) -> JSONValue {
    chunk(index, delta: [:], logprobs: .null, reason: .string(reason))
  }

  /// The last chunk, with the counts.
  func usage(_ usage: Usage) -> JSONValue {
    var object = header.object("chat.completion.chunk", choices: [])
    object["usage"] = usage.json
    object["timings"] = usage.timings
    return .object(object)
  }

  private func chunk(_ index: Int, delta: JSONValue, logprobs: JSONValue, reason: JSONValue) -> JSONValue {
    var object = header.object(
      "chat.completion.chunk",
      choices: [["index": JSONValue(index), "delta": delta, "logprobs": logprobs, "finish_reason": reason]])
    if includesUsage { object["usage"] = .null }
    return .object(object)
  }

  private func logprobs(_ tokens: [GeneratedToken]) -> JSONValue {
    guard isScored else { return .null }
    let content = tokens.compactMap(\.score).map { score -> JSONValue in
      guard case .object(var entry) = token(score.chosen) else { return .null }
      entry["top_logprobs"] = .array(score.alternatives.map(token))
      return .object(entry)
    }
    return ["content": .array(content), "refusal": .null]
  }

  private func token(_ score: TokenScore) -> JSONValue {
    [
      "token": .string(tokenText.text(score.token)), "logprob": .logProbability(score.logProbability),
      "bytes": .array(tokenText.bytes(score.token).map { JSONValue($0) }),
    ]
  }
}

extension JSONValue {
  /// A log probability; what cannot happen is -9999, as JSON has no infinity (the API does the same).
  static func logProbability(_ value: Float) -> JSONValue { .number(value.isFinite ? Double(value) : -9999) }
}
