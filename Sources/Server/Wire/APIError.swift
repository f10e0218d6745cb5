// SPDX-License-Identifier: Apache-2.0
// Errors as OpenAI's API says them: `{"error": {"message", "type", "param", "code"}}`, all four keys always.

internal import Basics
internal import HTTPTypes
internal import Inference
internal import Library
internal import Models

/// An answer that is an error.
struct APIError: Error, Equatable {
  var status: HTTPResponse.Status
  var message: String
  var type: String
  var param: String?
  var code: String?
  /// Seconds after which trying again makes sense.
  var retryAfter: Int?
  /// Methods a path has, for 405.
  var allow: String?

  init(
    _ status: HTTPResponse.Status, _ message: String, type: String = "invalid_request_error", param: String? = nil,
    code: String? = nil, retryAfter: Int? = nil, allow: String? = nil
  ) {
    self.status = status
    self.message = message
    self.type = type
    self.param = param
    self.code = code
    self.retryAfter = retryAfter
    self.allow = allow
  }

  /// The body.
  var json: JSONValue {
    [
      "error": [
        "message": .string(message), "type": .string(type), "param": param.map { .string($0) } ?? .null,
        "code": code.map { .string($0) } ?? .null,
      ]
    ]
  }
}

extension APIError {
  /// A value that is of the right type and still not possible.
  static func invalid(_ param: String, _ message: String, code: String = "invalid_value") -> APIError {
    APIError(.badRequest, message, param: param, code: code)
  }

  static func missing(_ param: String) -> APIError {
    APIError(.badRequest, "Missing required parameter: '\(param)'.", param: param, code: "missing_required_parameter")
  }

  /// A feature the API knows and this server does not.
  static func unsupported(_ param: String, _ message: String) -> APIError {
    APIError(.badRequest, message, param: param, code: "unsupported_parameter")
  }

  static func modelNotFound(_ name: String) -> APIError {
    APIError(
      .notFound, "The model '\(name.prefix(256))' does not exist.", param: "model", code: "model_not_found")
  }

  static let draining = APIError(
    .serviceUnavailable, "The server is shutting down.", type: "server_error", code: "shutting_down", retryAfter: 5)

  /// What a client is told of an error from below.
  init(_ error: any Error, model: String? = nil) {
    switch error {
    case let error as APIError: self = error
    case let problem as GenerationProblem: self.init(problem)
    case let problem as ChatProblem: self.init(problem)
    case let refusal as ModelPool.Refusal: self.init(refusal, model: model ?? "")
    case let problem as PolicyProblem:
      self.init(.forbidden, problem.description, type: "permission_error", param: "model", code: problem.code)
    case let problem as any Problem:
      let isOurs = problem.status != .unsupported
      self.init(
        isOurs ? .internalServerError : .badRequest, problem.description,
        type: isOurs ? "server_error" : "invalid_request_error", param: isOurs ? nil : "model", code: problem.code)
    default:
      self.init(.internalServerError, "The server failed.", type: "server_error", code: "internal_error")
    }
  }

  private init(_ problem: GenerationProblem) {
    switch problem {
    case .promptTooLong(let tokens, let limit):
      self.init(
        .badRequest,
        "This model's maximum context length is \(limit) tokens. However, your prompt has \(tokens) tokens, "
          + "and an answer needs at least one. Please shorten the prompt.",
        param: "messages", code: "context_length_exceeded")
    case .outOfRange(let parameter, _, _): self = .invalid(parameter, problem.description)
    case .unknownToken: self = .invalid("prompt", problem.description)
    case .emptyPrompt: self = .invalid("prompt", "The prompt must not be empty.")
    case .unknownAdapter: self = .invalid("model", problem.what)
    case .queueFull:
      self.init(
        .tooManyRequests, problem.description, type: "rate_limit_error", code: "queue_full", retryAfter: 1)
    case .closed: self = .draining
    case .noThread, .unsuitableDraft:
      self.init(.internalServerError, problem.description, type: "server_error", code: problem.code)
    case .engine(let inner):
      let isSize = inner.status == .doesNotFit
      self.init(
        isSize ? .serviceUnavailable : .internalServerError, problem.description, type: "server_error",
        code: problem.code)
    }
  }

  private init(_ problem: ChatProblem) {
    switch problem {
    case .noTemplate: self = .unsupported("messages", problem.what + "; use /v1/completions")
    case .refused(let message): self = .invalid("messages", "The chat template refuses the conversation: \(message)")
    case .invalidMessages(let reason): self = .invalid("messages", reason)
    case .failed, .invalidTemplate:
      self.init(.badRequest, problem.description, param: "messages", code: "chat_template_failed")
    }
  }

  private init(_ refusal: ModelPool.Refusal, model: String) {
    switch refusal {
    case .unknown: self = .modelNotFound(model)
    case .busy:
      self.init(
        .serviceUnavailable, "All places for models are taken by models in use.", type: "server_error",
        code: "models_busy", retryAfter: 2)
    case .tooLarge(let count, let budget):
      self.init(
        .serviceUnavailable, "The model needs \(count) bytes where \(budget) are allowed.", type: "server_error",
        param: "model", code: "model_too_large")
    }
  }
}
