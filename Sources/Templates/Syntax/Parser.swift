// SPDX-License-Identifier: Apache-2.0
// Tokens to syntax tree, following jinja2's parser.py (3.1): same grammar, same messages.

/// Parses a template. Recursion is bounded by the nesting limit.
struct Parser {
  private let tokens: [Token]
  private var index = 0
  let limits: TemplateLimits
  /// Blocks and expressions open around the current token.
  var depth = 0
  /// Names of the tags open, innermost last; for messages.
  var openTags: [String] = []
  /// What the open bodies wait for, innermost last; for messages.
  var awaited: [[String]] = []

  /// The statements of a template.
  static func parse(_ source: String, limits: TemplateLimits) throws(TemplateProblem) -> [Statement] {
    guard source.utf8.count <= limits.sourceSize else {
      throw .exceeded(
        .sourceSize, "the template has \(source.utf8.count) bytes; at most \(limits.sourceSize) are read")
    }
    var parser = Parser(tokens: try Lexer.tokens(of: source), limits: limits)
    return try parser.parseBody(until: nil)
  }

  private init(tokens: [Token], limits: TemplateLimits) {
    self.tokens = tokens
    self.limits = limits
  }

  // MARK: Stream

  var current: Token { tokens[index] }

  /// The token after the current one.
  var following: Token { tokens[min(index + 1, tokens.count - 1)] }

  @discardableResult
  mutating func next() -> Token {
    let token = tokens[index]
    if index + 1 < tokens.count { index += 1 }
    return token
  }

  func at(_ symbol: Token.Symbol) -> Bool { current.kind == .symbol(symbol) }

  func at(name: String) -> Bool { current.isName(name) }

  /// Steps over a token when it is there.
  mutating func skip(_ symbol: Token.Symbol) -> Bool {
    guard at(symbol) else { return false }
    next()
    return true
  }

  mutating func skip(name: String) -> Bool {
    guard at(name: name) else { return false }
    next()
    return true
  }

  @discardableResult
  mutating func expect(_ kind: Token.Kind) throws(TemplateProblem) -> Token {
    guard current.kind == kind else { throw unexpected(expected: kind.described) }
    return next()
  }

  @discardableResult
  mutating func expect(_ symbol: Token.Symbol) throws(TemplateProblem) -> Token { try expect(.symbol(symbol)) }

  mutating func expect(name: String) throws(TemplateProblem) {
    guard skip(name: name) else { throw unexpected(expected: name) }
  }

  private func unexpected(expected: String) -> TemplateProblem {
    current.kind == .end
      ? failure("unexpected end of template, expected '\(expected)'.")
      : failure("expected token '\(expected)', got '\(current.described)'")
  }

  func failure(_ message: String, line: Int? = nil) -> TemplateProblem {
    .syntax(message: message, line: line ?? current.line)
  }

  // MARK: Limits

  /// Goes one level down; every recursive rule calls it, and `ascend` on the way out.
  mutating func descend() throws(TemplateProblem) {
    depth += 1
    if depth > limits.nesting { throw tooDeep() }
  }

  mutating func ascend() { depth -= 1 }

  private func tooDeep() -> TemplateProblem {
    .limit(
      .nesting, message: "the template is nested more than \(limits.nesting) levels deep", line: current.line)
  }

  /// An expression over parts; chains, which are parsed in loops, grow in height here.
  func make(_ kind: Expression.Kind, line: Int, over parts: [Expression] = []) throws(TemplateProblem)
    -> Expression
  {
    var height = 0
    var size = kind.weight
    for part in parts {
      height = max(height, part.height)
      size += part.size
    }
    guard height < limits.nesting else { throw tooDeep() }
    return Expression(kind: kind, line: line, height: height + 1, size: size)
  }
}

// MARK: - Unknown and unfinished tags

extension Parser {
  func unknownTag(_ name: String) -> TemplateProblem {
    let expected = awaited.contains { $0.contains(name) }
    return failure(explain("Encountered unknown tag '\(name)'.", nesting: expected))
  }

  func unfinished() -> TemplateProblem { failure(explain("Unexpected end of template.", nesting: false)) }

  private func explain(_ start: String, nesting: Bool) -> String {
    var message = start
    if let tags = awaited.last {
      let list = tags.map { "'\($0)'" }.joined(separator: " or ")
      message +=
        nesting
        ? " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for \(list)."
        : " Jinja was looking for the following tags: \(list)."
    }
    if let tag = openTags.last {
      message += " The innermost block that needs to be closed is '\(tag)'."
    }
    return message
  }
}
