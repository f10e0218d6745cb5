// SPDX-License-Identifier: Apache-2.0
// Why a conversation cannot be turned into a prompt.

public import Basics
internal import Templates

/// A conversation or chat template that does not work.
public enum ChatProblem: Problem, Equatable {
  /// The model comes without a chat template.
  case noTemplate(folder: String)
  /// The template cannot be compiled.
  case invalidTemplate(reason: String)
  /// The template itself refused the conversation.
  case refused(message: String)
  /// The template failed at the conversation.
  case failed(reason: String)
  /// A file of messages is not in the form of the API.
  case invalidMessages(reason: String)

  init(compiling problem: TemplateProblem) { self = .invalidTemplate(reason: problem.description) }

  init(rendering problem: TemplateProblem) {
    self = problem.isRaised ? .refused(message: problem.message) : .failed(reason: problem.description)
  }

  public var code: String {
    switch self {
    case .noTemplate: "chat.no-template"
    case .invalidTemplate: "chat.invalid-template"
    case .refused: "chat.refused"
    case .failed: "chat.template-failed"
    case .invalidMessages: "chat.invalid-messages"
    }
  }

  public var what: String {
    switch self {
    case .noTemplate: "the model has no chat template"
    case .invalidTemplate: "the model's chat template is not valid"
    case .refused: "the model's chat template refuses the conversation"
    case .failed: "the model's chat template failed"
    case .invalidMessages: "the messages cannot be read"
    }
  }

  public var why: String? {
    switch self {
    case .noTemplate(let folder): "\(folder) holds neither chat_template.jinja nor one in tokenizer_config.json"
    case .invalidTemplate(let reason), .failed(let reason), .invalidMessages(let reason): reason
    case .refused(let message): message
    }
  }

  public var remedy: String? {
    switch self {
    case .noTemplate: "use an instruction-tuned model, or complete a plain text instead"
    default: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .noTemplate: .unsupported
    case .invalidTemplate: .mismatch
    case .refused: .usage
    case .failed: .mismatch
    case .invalidMessages: .usage
    }
  }
}
