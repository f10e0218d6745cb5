// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a command's own input, before any other module sees it.

import Basics

/// A problem of the commands themselves.
enum CommandProblem: Problem {
  /// A line read from stdin is not what the command takes.
  case invalidLine(number: Int, why: String)
  /// A template could not be compiled or rendered.
  case template(message: String, line: Int)
  /// The user's configuration file is not what it should be.
  case configuration(path: String, why: String)
  /// The file to write is there already.
  case exists(path: String)
  /// The file is no result of `impetus bench --json`.
  case notResults(path: String, why: String)
  /// An update changes what a model is told, and nobody has agreed.
  case needsConsent(name: String)
  /// The system gives no more threads.
  case noThread
  /// A text has too few tokens to be scored.
  case textTooShort(file: String, tokens: Int)

  var code: String {
    switch self {
    case .invalidLine: "input.invalid-line"
    case .template: "template.failed"
    case .configuration: "configuration.invalid"
    case .exists: "output.exists"
    case .notResults: "bench.not-results"
    case .needsConsent: "update.needs-consent"
    case .noThread: "system.no-thread"
    case .textTooShort: "input.too-short"
    }
  }

  var what: String {
    switch self {
    case .invalidLine(let number, _): "line \(number) of the input cannot be used"
    case .template(_, let line): "the chat template fails at line \(line)"
    case .configuration(let path, _): "the configuration \(path) cannot be used"
    case .exists(let path): "\(path) exists already"
    case .notResults(let path, _): "\(path) holds no results to compare with"
    case .needsConsent(let name): "the update of \(name) has to be agreed to"
    case .noThread: "the system gives no more threads"
    case .textTooShort(let file, _): "\(file == "-" ? "stdin" : file) is too short to be scored"
    }
  }

  var why: String? {
    switch self {
    case .invalidLine(_, let why): why
    case .template(let message, _): message
    case .configuration(_, let why): why
    case .exists: "it is replaced with --force only"
    case .notResults(_, let why): why
    case .needsConsent: "it changes the chat template, or code"
    case .noThread: nil
    case .textTooShort(_, let tokens): "it has \(tokens) of at least 2 tokens"
    }
  }

  var remedy: String? {
    switch self {
    case .needsConsent(let name): "impetus update \(name) --diff shows the changes, --yes takes them"
    default: nil
    }
  }

  var status: ExitStatus {
    switch self {
    case .invalidLine, .template, .notResults: .mismatch
    case .configuration, .textTooShort: .usage
    case .noThread, .exists, .needsConsent: .failure
    }
  }
}
