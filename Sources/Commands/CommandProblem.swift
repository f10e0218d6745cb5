// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a command's own input, before any other module sees it.

import Basics

/// A problem of the commands themselves.
enum CommandProblem: Problem {
  /// A line read from stdin is not what the command takes.
  case invalidLine(number: Int, why: String)
  /// A template could not be compiled or rendered.
  case template(message: String, line: Int)

  var code: String {
    switch self {
    case .invalidLine: "input.invalid-line"
    case .template: "template.failed"
    }
  }

  var what: String {
    switch self {
    case .invalidLine(let number, _): "line \(number) of the input cannot be used"
    case .template(_, let line): "the chat template fails at line \(line)"
    }
  }

  var why: String? {
    switch self {
    case .invalidLine(_, let why): why
    case .template(let message, _): message
    }
  }

  var status: ExitStatus { .mismatch }
}
