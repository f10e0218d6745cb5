// SPDX-License-Identifier: Apache-2.0
// Every field a request may have, in one table: its name, what it may hold, where it applies. The decoder
// and its error messages read the same rows.

internal import Basics

/// The endpoints that take these fields.
enum Endpoint: Sendable { case chat, completions }

/// One row: a field of a request.
struct Parameter: Sendable {
  /// What a field may hold.
  enum Kind: Sendable {
    case number(ClosedRange<Double>)
    case integer(ClosedRange<Int>)
    case flag
    case text
    case object
    /// Decoded by a reader of its own.
    case own
    /// Known, and without effect here: named in `X-Impetus-Ignored`.
    case ignored
    /// Known and not supported: only these values, which ask for nothing, pass.
    case refused(but: [JSONValue])
  }

  let name: String
  let kind: Kind
  /// Names other servers have for it.
  var aliases: [String] = []
  /// The only endpoint that has it; nil: both.
  var only: Endpoint?

  init(_ name: String, _ kind: Kind, aliases: [String] = [], only: Endpoint? = nil) {
    self.name = name
    self.kind = kind
    self.aliases = aliases
    self.only = only
  }

  static let answerLimit = 16
  static let stopLimit = 16
  static let stopByteLimit = 256
  static let scoreLimit = 20

  static let table: [Parameter] = [
    Parameter("model", .text),
    Parameter("messages", .own, only: .chat),
    Parameter("prompt", .own, only: .completions),
    Parameter("stream", .flag),
    Parameter("stream_options", .object),
    Parameter("max_tokens", .integer(0...Int(Int32.max))),
    Parameter("max_completion_tokens", .integer(1...Int(Int32.max)), only: .chat),
    Parameter("n", .integer(1...answerLimit)),
    Parameter("stop", .own),
    Parameter("seed", .integer(.min ... .max)),
    Parameter("temperature", .number(0...2)),
    Parameter("top_p", .number(0...1)),
    Parameter("top_k", .integer(-1...Int(Int32.max))),
    Parameter("min_p", .number(0...1)),
    Parameter("frequency_penalty", .number(-2...2)),
    Parameter("presence_penalty", .number(-2...2)),
    Parameter("repetition_penalty", .number(0.01...100), aliases: ["repeat_penalty"]),
    Parameter(
      "repetition_window", .integer(-1...Int(Int32.max)), aliases: ["repeat_last_n", "repetition_context_size"]),
    Parameter("logit_bias", .object),
    Parameter("logprobs", .flag, only: .chat),
    Parameter("logprobs", .integer(0...scoreLimit), only: .completions),
    Parameter("top_logprobs", .integer(0...scoreLimit), only: .chat),
    Parameter("echo", .flag, only: .completions),
    Parameter("chat_template_kwargs", .object, only: .chat),
    Parameter("tools", .own, only: .chat),
    Parameter("tool_choice", .own, only: .chat),
    Parameter("parallel_tool_calls", .flag, only: .chat),
    Parameter("timeout_ms", .integer(1...86_400_000)),

    // Without effect here: hints, labels and things this server does anyway.
    Parameter("user", .ignored), Parameter("metadata", .ignored), Parameter("service_tier", .ignored),
    Parameter("safety_identifier", .ignored), Parameter("prompt_cache_key", .ignored),
    Parameter("prediction", .ignored, only: .chat), Parameter("verbosity", .ignored, only: .chat),

    // Not supported: refused unless the value asks for nothing.
    Parameter("functions", .refused(but: [[]]), only: .chat),
    Parameter("function_call", .refused(but: ["none", "auto"]), only: .chat),
    Parameter("response_format", .refused(but: [["type": "text"]])),
    Parameter("modalities", .refused(but: [["text"]]), only: .chat),
    Parameter("audio", .refused(but: []), only: .chat),
    Parameter("web_search_options", .refused(but: []), only: .chat),
    Parameter("store", .refused(but: [false]), only: .chat),
    Parameter("suffix", .refused(but: [""]), only: .completions),
    Parameter("best_of", .refused(but: [1]), only: .completions),
  ]

  /// The row of a field at an endpoint.
  static func named(_ name: String, at endpoint: Endpoint) -> Parameter? {
    table.first { ($0.only ?? endpoint) == endpoint && ($0.name == name || $0.aliases.contains(name)) }
  }
}
