// SPDX-License-Identifier: Apache-2.0
// What can go wrong with a template. This module imports nothing, so upper floors wrap these plain
// fields in their own problem.

/// An error of a chat template: in its source, while rendering, or raised by the template itself.
public enum TemplateProblem: Error, Sendable, Equatable {
  /// The source is not a valid template.
  case syntax(message: String, line: Int)
  /// The template called `raise_exception`; the message is for whoever sent the conversation.
  case raised(message: String, line: Int)
  /// An undefined variable or attribute was used in a way other than printing or testing it.
  case undefined(message: String, line: Int)
  /// The sandbox refused an attribute (a mutating method, a name with underscores).
  case security(message: String, line: Int)
  /// Any other failure of an operation, filter, test or function: wrong types, wrong arguments.
  case runtime(message: String, line: Int)
  /// A limit on nesting, time or memory was reached.
  case limit(TemplateLimit, message: String, line: Int)
}

/// Which bound of ``TemplateLimits`` was reached.
public enum TemplateLimit: String, Sendable, Equatable {
  case sourceSize = "source-size"
  case nesting
  case calls
  case valueDepth = "value-depth"
  case steps
  case memory
  case textSize = "text-size"
  case outputSize = "output-size"
  case rangeSize = "range-size"
}

extension TemplateProblem {
  /// What happened, in jinja2's words where it has some.
  public var message: String {
    switch self {
    case .syntax(let message, _), .raised(let message, _), .undefined(let message, _),
      .security(let message, _), .runtime(let message, _), .limit(_, let message, _):
      message
    }
  }

  /// Line of the template, counted from 1; 0 when no line is to blame.
  public var line: Int {
    switch self {
    case .syntax(_, let line), .raised(_, let line), .undefined(_, let line),
      .security(_, let line), .runtime(_, let line), .limit(_, _, let line):
      line
    }
  }

  /// Whether the template itself refused the conversation by `raise_exception`.
  public var isRaised: Bool { if case .raised = self { true } else { false } }

  /// A failure at a place not known yet; the enclosing statement adds its line.
  static func failure(_ message: String) -> TemplateProblem { .runtime(message: message, line: 0) }

  /// A reached limit at a place not known yet.
  static func exceeded(_ limit: TemplateLimit, _ message: String) -> TemplateProblem {
    .limit(limit, message: message, line: 0)
  }

  /// The same problem with a line, unless it has one.
  func located(at line: Int) -> TemplateProblem {
    guard self.line == 0 else { return self }
    return switch self {
    case .syntax(let message, _): .syntax(message: message, line: line)
    case .raised(let message, _): .raised(message: message, line: line)
    case .undefined(let message, _): .undefined(message: message, line: line)
    case .security(let message, _): .security(message: message, line: line)
    case .runtime(let message, _): .runtime(message: message, line: line)
    case .limit(let limit, let message, _): .limit(limit, message: message, line: line)
    }
  }
}

extension TemplateProblem: CustomStringConvertible {
  public var description: String {
    line > 0 ? "\(message) (line \(line) of the chat template)" : message
  }
}
