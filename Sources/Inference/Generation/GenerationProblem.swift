// SPDX-License-Identifier: Apache-2.0
// Why a request for text is refused, or ends without its text.

public import Basics

/// A request that cannot be run, or an engine that cannot take it.
public enum GenerationProblem: Problem, Equatable {
  /// A parameter outside its range.
  case outOfRange(parameter: String, value: String, allowed: String)
  /// A prompt of no tokens.
  case emptyPrompt
  /// A prompt that leaves no room for an answer.
  case promptTooLong(tokens: Int, limit: Int)
  /// A token that is not in the vocabulary.
  case unknownToken(id: Int, vocabulary: Int)
  /// An adapter that the model was not opened with.
  case unknownAdapter(name: String)
  /// As many requests wait as may.
  case queueFull(limit: Int)
  /// The session was closed.
  case closed
  /// The model given as draft cannot write ahead for this one.
  case unsuitableDraft(why: String)
  /// The engine's thread could not be started.
  case noThread
  /// The engine failed at the request.
  case engine(InferenceProblem)

  public var code: String {
    switch self {
    case .outOfRange: "generation.out-of-range"
    case .emptyPrompt: "generation.empty-prompt"
    case .promptTooLong: "generation.prompt-too-long"
    case .unknownToken: "generation.unknown-token"
    case .unknownAdapter: "generation.unknown-adapter"
    case .queueFull: "generation.queue-full"
    case .closed: "generation.closed"
    case .unsuitableDraft: "generation.unsuitable-draft"
    case .noThread: "generation.no-thread"
    case .engine(let problem): problem.code
    }
  }

  public var what: String {
    switch self {
    case .outOfRange(let parameter, _, _): "\(parameter) is out of range"
    case .emptyPrompt: "the prompt is empty"
    case .promptTooLong: "the prompt is too long for the context"
    case .unknownToken(let id, _): "token \(id) is not in the vocabulary"
    case .unknownAdapter(let name): "there is no adapter \"\(name)\""
    case .queueFull: "too many requests are waiting"
    case .closed: "the model is being closed"
    case .unsuitableDraft: "the draft model cannot write ahead for this one"
    case .noThread: "the engine's thread cannot be started"
    case .engine(let problem): problem.what
    }
  }

  public var why: String? {
    switch self {
    case .outOfRange(_, let value, let allowed): "\(value) was given, allowed is \(allowed)"
    case .promptTooLong(let tokens, let limit):
      "it has \(tokens) tokens where \(limit) fit, at least one of them for the answer"
    case .unknownToken(_, let vocabulary): "identifiers end at \(vocabulary - 1)"
    case .queueFull(let limit): "\(limit) may wait"
    case .unsuitableDraft(let why): why
    case .engine(let problem): problem.why
    case .emptyPrompt, .unknownAdapter, .closed, .noThread: nil
    }
  }

  public var remedy: String? {
    switch self {
    case .promptTooLong: "shorten the prompt or raise the context size"
    case .queueFull: "try again later"
    case .unsuitableDraft: "take a smaller model of the same family"
    case .engine(let problem): problem.remedy
    default: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .outOfRange, .emptyPrompt, .unknownToken, .unknownAdapter: .usage
    case .promptTooLong: .doesNotFit
    case .queueFull: .locked
    case .unsuitableDraft: .unsupported
    case .closed, .noThread: .failure
    case .engine(let problem): problem.status
    }
  }
}
