// SPDX-License-Identifier: Apache-2.0
// What can go wrong between a model on disk and its logits.

public import Basics

/// A model that cannot be run, or a step that cannot be made.
public enum InferenceProblem: Problem, Equatable {
  /// The key/value cache cannot hold what a step needs.
  case cacheFull(neededBytes: Int, budgetBytes: Int)
  /// Weights, buffers and cache together exceed the memory that is left.
  case doesNotFit(what: String, neededBytes: Int, availableBytes: Int)
  /// A sequence would become longer than the context.
  case contextExceeded(length: Int, limit: Int)
  /// More sequences at once than the engine was opened for.
  case tooManySequences(limit: Int)
  /// A step with more tokens than the workspace holds.
  case stepTooLarge(tokens: Int, limit: Int)
  /// A token that is not in the vocabulary.
  case unknownToken(id: Int, vocabulary: Int)
  /// A handle of a sequence that was released, or the same one twice in a step.
  case invalidSequence
  /// An option outside its range.
  case invalidOption(name: String, value: Int, allowed: String)
  /// The system refused memory.
  case outOfMemory(byteCount: Int)
  /// A weight in a number format no kernel here computes with.
  case unsupportedWeight(name: String, format: String)

  public var code: String {
    switch self {
    case .cacheFull: "inference.cache-full"
    case .doesNotFit: "inference.does-not-fit"
    case .contextExceeded: "inference.context-exceeded"
    case .tooManySequences: "inference.too-many-sequences"
    case .stepTooLarge: "inference.step-too-large"
    case .unknownToken: "inference.unknown-token"
    case .invalidSequence: "inference.invalid-sequence"
    case .invalidOption: "inference.invalid-option"
    case .outOfMemory: "inference.out-of-memory"
    case .unsupportedWeight: "inference.unsupported-weight"
    }
  }

  public var what: String {
    switch self {
    case .cacheFull: "the key/value cache is full"
    case .doesNotFit(let what, _, _): "\(what) does not fit into memory"
    case .contextExceeded: "the context is too short for this text"
    case .tooManySequences: "too many sequences at once"
    case .stepTooLarge: "too many tokens in one step"
    case .unknownToken(let id, _): "token \(id) is not in the vocabulary"
    case .invalidSequence: "the sequence is not open, or is named twice in one step"
    case .invalidOption(let name, _, _): "\(name) is out of range"
    case .outOfMemory: "the system has no memory left"
    case .unsupportedWeight(let name, _): "the weight \(name) has a number format that is not supported"
    }
  }

  public var why: String? {
    switch self {
    case .cacheFull(let needed, let budget): "\(needed) bytes are needed, \(budget) are allowed"
    case .doesNotFit(_, let needed, let available): "\(needed) bytes are needed, \(available) are available"
    case .contextExceeded(let length, let limit): "\(length) tokens where \(limit) fit"
    case .tooManySequences(let limit): "at most \(limit) are open together"
    case .stepTooLarge(let tokens, let limit): "\(tokens) tokens where \(limit) fit"
    case .unknownToken(_, let vocabulary): "identifiers end at \(vocabulary - 1)"
    case .invalidSequence: nil
    case .invalidOption(_, let value, let allowed): "\(value) was given, allowed is \(allowed)"
    case .outOfMemory(let count): "\(count) bytes were asked for"
    case .unsupportedWeight(_, let format): format
    }
  }

  public var remedy: String? {
    switch self {
    case .cacheFull, .doesNotFit, .outOfMemory: "use a smaller model, fewer bits or a shorter context"
    case .contextExceeded: "shorten the prompt or raise the context size"
    default: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .cacheFull, .doesNotFit, .contextExceeded, .outOfMemory, .tooManySequences: .doesNotFit
    case .unsupportedWeight: .unsupported
    case .invalidOption: .usage
    default: .failure
    }
  }
}
