// SPDX-License-Identifier: Apache-2.0
// Literals, names, and what may follow them: attributes, subscripts, calls.

extension Parser {
  mutating func parsePrimary() throws(TemplateProblem) -> Expression {
    let token = current
    switch token.kind {
    case .name:
      next()
      return try make(Parser.constant(token.spelling) ?? .name(token.spelling), line: token.line)
    case .string:
      return try parseStrings()
    case .integer:
      next()
      return try make(try integer(token), line: token.line)
    case .float:
      next()
      return try make(.double(Double(token.spelling) ?? .infinity), line: token.line)
    case .symbol(.leftParenthesis):
      next()
      let inner = try parseTuple(allowsEmpty: true)
      try expect(.rightParenthesis)
      return inner
    case .symbol(.leftBracket): return try parseList()
    case .symbol(.leftBrace): return try parseDict()
    default: throw failure("unexpected '\(token.described)'", line: token.line)
    }
  }

  private static func constant(_ name: String) -> Expression.Kind? {
    switch name {
    case "true", "True": .bool(true)
    case "false", "False": .bool(false)
    case "none", "None": Expression.Kind.none
    default: nil
    }
  }

  /// Adjacent strings are one.
  private mutating func parseStrings() throws(TemplateProblem) -> Expression {
    let first = next()
    guard current.kind == .string else { return try make(.string(first.text), line: first.line) }
    var buffer = TextBuffer()
    buffer.append(first.text)
    while current.kind == .string { buffer.append(next().text) }
    return try make(.string(buffer.text), line: first.line)
  }

  func integer(_ token: Token) throws(TemplateProblem) -> Expression.Kind {
    let (radix, prefix) = Parser.base(token.spelling.lowercased().prefix(2))
    let digits = token.spelling.utf8.dropFirst(prefix)
    if radix == 10, digits.count > BigInteger.maximumDigits {
      throw BigInteger.tooManyDigits(digits.count).located(at: token.line)
    }
    do throws(TemplateProblem) {
      guard let value = try BigInteger(digits: digits, radix: radix) else {
        throw failure("'\(token.spelling)' is no integer", line: token.line)
      }
      return value.small.map { .int($0) } ?? .big(value)
    } catch {
      throw error.located(at: token.line)
    }
  }

  private static func base(_ prefix: Substring) -> (radix: Int, prefix: Int) {
    switch prefix {
    case "0x": (16, 2)
    case "0o": (8, 2)
    case "0b": (2, 2)
    default: (10, 0)
    }
  }

  private mutating func parseList() throws(TemplateProblem) -> Expression {
    let line = next().line
    var items: [Expression] = []
    while !at(.rightBracket) {
      if !items.isEmpty { try expect(.comma) }
      if at(.rightBracket) { break }
      items.append(try parseExpression())
    }
    try expect(.rightBracket)
    return try make(.list(items), line: line, over: items)
  }

  private mutating func parseDict() throws(TemplateProblem) -> Expression {
    let line = next().line
    var items: [(key: Expression, value: Expression)] = []
    while !at(.rightBrace) {
      if !items.isEmpty { try expect(.comma) }
      if at(.rightBrace) { break }
      let key = try parseExpression()
      try expect(.colon)
      items.append((key, try parseExpression()))
    }
    try expect(.rightBrace)
    return try make(.dict(items), line: line, over: items.flatMap { [$0.key, $0.value] })
  }

  // MARK: Attributes, items, calls

  mutating func parsePostfix(_ start: Expression) throws(TemplateProblem) -> Expression {
    var expression = start
    while true {
      switch current.kind {
      case .symbol(.dot): expression = try parseAttribute(of: expression)
      case .symbol(.leftBracket): expression = try parseSubscript(of: expression)
      case .symbol(.leftParenthesis): expression = try parseCall(of: expression)
      default: return expression
      }
    }
  }

  private mutating func parseAttribute(of base: Expression) throws(TemplateProblem) -> Expression {
    let line = next().line
    let token = next()
    switch token.kind {
    case .name: return try make(.attribute(base, token.spelling), line: line, over: [base])
    case .integer:
      let index = try make(try integer(token), line: line)
      return try make(.item(base, index), line: line, over: [base, index])
    default: throw failure("expected name or number", line: token.line)
    }
  }

  private mutating func parseSubscript(of base: Expression) throws(TemplateProblem) -> Expression {
    let line = next().line
    if let slice = try parseSlice(of: base, line: line) { return slice }
    var keys: [Expression] = []
    var isTuple = false
    while !at(.rightBracket) {
      if !keys.isEmpty {
        try expect(.comma)
        isTuple = true
      }
      keys.append(try parseExpression())
      // A slice among several keys, or after the first expression.
      if at(.colon) { return try parseSliceRest(of: base, start: keys[0], line: line) }
    }
    try expect(.rightBracket)
    let key = keys.count == 1 && !isTuple ? keys[0] : try make(.tuple(keys), line: line, over: keys)
    return try make(.item(base, key), line: line, over: [base, key])
  }

  private mutating func parseSlice(of base: Expression, line: Int) throws(TemplateProblem) -> Expression? {
    at(.colon) ? try parseSliceRest(of: base, start: nil, line: line) : nil
  }

  /// The rest of `[start:stop:step]` from the first colon.
  private mutating func parseSliceRest(of base: Expression, start: Expression?, line: Int)
    throws(TemplateProblem) -> Expression
  {
    try expect(.colon)
    let stop: Expression? = at(.colon) || at(.rightBracket) ? nil : try parseExpression()
    var step: Expression?
    if skip(.colon), !at(.rightBracket) { step = try parseExpression() }
    try expect(.rightBracket)
    let parts = [base] + [start, stop, step].compactMap { $0 }
    return try make(.slice(base, start: start, stop: stop, step: step), line: line, over: parts)
  }

  mutating func parseCall(of callee: Expression) throws(TemplateProblem) -> Expression {
    let line = current.line
    let arguments = try parseArguments()
    return try make(.call(callee, arguments), line: line, over: [callee] + arguments.expressions)
  }

  mutating func parseArguments() throws(TemplateProblem) -> CallArguments {
    let line = try expect(.leftParenthesis).line
    var arguments = CallArguments()
    var isFirst = true
    func ensure(_ condition: Bool) throws(TemplateProblem) {
      if !condition { throw failure("invalid syntax for function call expression", line: line) }
    }
    while !at(.rightParenthesis) {
      if !isFirst {
        try expect(.comma)
        if at(.rightParenthesis) { break }
      }
      isFirst = false
      if skip(.mul) {
        try ensure(arguments.spread == nil && arguments.namedSpread == nil)
        arguments.spread = try parseExpression()
      } else if skip(.pow) {
        try ensure(arguments.namedSpread == nil)
        arguments.namedSpread = try parseExpression()
      } else if current.kind == .name, following.kind == .symbol(.assign) {
        try ensure(arguments.namedSpread == nil)
        let name = next().spelling
        next()
        arguments.named.append((name, try parseExpression()))
      } else {
        try ensure(arguments.spread == nil && arguments.namedSpread == nil && arguments.named.isEmpty)
        arguments.positional.append(try parseExpression())
      }
    }
    try expect(.rightParenthesis)
    return arguments
  }
}
