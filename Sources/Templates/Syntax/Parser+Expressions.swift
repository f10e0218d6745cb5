// SPDX-License-Identifier: Apache-2.0
// Expressions. jinja2 has a function for each precedence; here one function climbs a table, which
// keeps the stack of nested parentheses small.

extension Parser {
  /// Binding strengths, loosest first.
  private enum Strength: Int {
    case or, and, not, compare, sum, concat, product, power
  }

  mutating func parseExpression(allowsConditional: Bool = true) throws(TemplateProblem) -> Expression {
    try descend()
    var expression = try parseOperators(from: Strength.or.rawValue)
    while allowsConditional, at(name: "if") {
      let line = next().line
      let test = try parseOperators(from: Strength.or.rawValue)
      let otherwise: Expression? = skip(name: "else") ? try parseExpression() : nil
      expression = try make(
        .conditional(test: test, then: expression, otherwise: otherwise), line: line,
        over: [test, expression] + (otherwise.map { [$0] } ?? []))
    }
    ascend()
    return expression
  }

  /// An expression, or a tuple when commas follow.
  mutating func parseTuple(
    allowsConditional: Bool = true, endName: String? = nil, allowsEmpty: Bool = false
  ) throws(TemplateProblem) -> Expression {
    let line = current.line
    var items: [Expression] = []
    var isTuple = false
    while true {
      if !items.isEmpty { try expect(.comma) }
      if isTupleEnd(endName: endName) { break }
      items.append(try parseExpression(allowsConditional: allowsConditional))
      guard at(.comma) else { break }
      isTuple = true
    }
    if !isTuple {
      if let only = items.first { return only }
      guard allowsEmpty else {
        throw failure("Expected an expression, got '\(current.described)'")
      }
    }
    return try make(.tuple(items), line: line, over: items)
  }

  func isTupleEnd(endName: String?) -> Bool {
    switch current.kind {
    case .variableEnd, .blockEnd, .symbol(.rightParenthesis): true
    case .name: endName.map(at(name:)) ?? false
    default: false
    }
  }

  // MARK: Operators

  private mutating func parseOperators(from minimum: Int) throws(TemplateProblem) -> Expression {
    var left: Expression
    if minimum <= Strength.not.rawValue, at(name: "not") {
      try descend()
      let line = next().line
      let operand = try parseOperators(from: Strength.not.rawValue)
      ascend()
      left = try make(.unary(.not, operand), line: line, over: [operand])
    } else {
      left = try parseUnary()
    }
    while let strength = currentStrength(), strength.rawValue >= minimum {
      left = try parseOperation(left, strength)
    }
    return left
  }

  private func currentStrength() -> Strength? {
    switch current.kind {
    case .name:
      switch current.spelling {
      case "or": .or
      case "and": .and
      case "in": .compare
      case "not": following.isName("in") ? .compare : nil
      default: nil
      }
    case .symbol(let symbol):
      switch symbol {
      case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: .compare
      case .add, .sub: .sum
      case .tilde: .concat
      case .mul, .div, .floorDiv, .mod: .product
      case .pow: .power
      default: nil
      }
    default: nil
    }
  }

  private mutating func parseOperation(_ left: Expression, _ strength: Strength) throws(TemplateProblem)
    -> Expression
  {
    let line = current.line
    switch strength {
    case .compare: return try parseComparisons(left)
    case .concat: return try parseConcat(left)
    case .or, .and:
      next()
      let right = try parseOperators(from: strength.rawValue + 1)
      return try make(strength == .or ? .or(left, right) : .and(left, right), line: line, over: [left, right])
    default:
      let spelling = next().kind
      guard case .symbol(let symbol) = spelling, let operation = BinaryOperator(rawValue: symbol.rawValue)
      else { throw failure("unexpected '\(spelling.described)'") }
      let right = try parseOperators(from: strength.rawValue + 1)
      return try make(.binary(operation, left, right), line: line, over: [left, right])
    }
  }

  private mutating func parseComparisons(_ left: Expression) throws(TemplateProblem) -> Expression {
    let line = current.line
    var comparisons: [Comparison] = []
    while currentStrength() == .compare {
      let operation = comparisonOperator()
      let right = try parseOperators(from: Strength.compare.rawValue + 1)
      comparisons.append(Comparison(operation: operation, right: right))
    }
    return try make(.compare(left, comparisons), line: line, over: [left] + comparisons.map(\.right))
  }

  private mutating func comparisonOperator() -> Comparison.Operator {
    let token = next()
    guard case .symbol(let symbol) = token.kind else {
      if token.spelling == "in" { return .isIn }
      next()
      return .notIn
    }
    return switch symbol {
    case .equal: .equal
    case .notEqual: .notEqual
    case .less: .less
    case .lessOrEqual: .lessOrEqual
    case .greater: .greater
    default: .greaterOrEqual
    }
  }

  private mutating func parseConcat(_ left: Expression) throws(TemplateProblem) -> Expression {
    let line = current.line
    var parts = [left]
    while skip(.tilde) { parts.append(try parseOperators(from: Strength.concat.rawValue + 1)) }
    return try make(.concat(parts), line: line, over: parts)
  }

  private mutating func parseUnary(withFilters: Bool = true) throws(TemplateProblem) -> Expression {
    let line = current.line
    var expression: Expression
    if at(.sub) || at(.add) {
      try descend()
      let operation: UnaryOperator = next().kind == .symbol(.sub) ? .negative : .positive
      let operand = try parseUnary(withFilters: false)
      ascend()
      expression = try make(.unary(operation, operand), line: line, over: [operand])
    } else {
      expression = try parsePrimary()
    }
    expression = try parsePostfix(expression)
    return withFilters ? try parseFiltersAndTests(expression) : expression
  }

  // MARK: Literals and names

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
      return try make(.int(try integer(token)), line: token.line)
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

  private func integer(_ token: Token) throws(TemplateProblem) -> Int {
    let digits = token.spelling.lowercased()
    let value =
      switch digits.prefix(2) {
      case "0x": Int(digits.dropFirst(2), radix: 16)
      case "0o": Int(digits.dropFirst(2), radix: 8)
      case "0b": Int(digits.dropFirst(2), radix: 2)
      default: Int(digits)
      }
    guard let value else { throw failure("the integer \(digits) needs more than 64 bits", line: token.line) }
    return value
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

  private mutating func parsePostfix(_ start: Expression) throws(TemplateProblem) -> Expression {
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
      let index = try make(.int(try integer(token)), line: line)
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

  private mutating func parseCall(of callee: Expression) throws(TemplateProblem) -> Expression {
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

  // MARK: Filters and tests

  private mutating func parseFiltersAndTests(_ start: Expression) throws(TemplateProblem) -> Expression {
    var expression = start
    while true {
      switch current.kind {
      case .symbol(.pipe): expression = try parseFilters(of: expression)
      case .symbol(.leftParenthesis): expression = try parseCall(of: expression)
      case .name where current.spelling == "is": expression = try parseTest(of: expression)
      default: return expression
      }
    }
  }

  /// A chain of filters over a subject, or over the body of a block.
  mutating func parseFilters(of subject: Expression?, startsWithName: Bool = false)
    throws(TemplateProblem) -> Expression
  {
    var subject = subject
    var startsWithName = startsWithName
    while true {
      if !startsWithName, !skip(.pipe) { break }
      startsWithName = false
      let line = current.line
      let name = try parseDottedName()
      let arguments = at(.leftParenthesis) ? try parseArguments() : .none
      subject = try make(
        .filter(subject, name, arguments), line: line,
        over: (subject.map { [$0] } ?? []) + arguments.expressions)
    }
    guard let subject else { throw failure("expected a filter") }
    return subject
  }

  private mutating func parseDottedName() throws(TemplateProblem) -> String {
    var name = try expect(.name).spelling
    while skip(.dot) { name += "." + (try expect(.name).spelling) }
    return name
  }

  private mutating func parseTest(of subject: Expression) throws(TemplateProblem) -> Expression {
    let line = next().line
    let isNegated = skip(name: "not")
    let name = try parseDottedName()
    var arguments = CallArguments.none
    if at(.leftParenthesis) {
      arguments = try parseArguments()
    } else if startsTestArgument() {
      if at(name: "is") { throw failure("You cannot chain multiple tests with is") }
      arguments.positional = [try parsePostfix(try parsePrimary())]
    }
    let test = try make(
      .test(subject, name, arguments), line: line, over: [subject] + arguments.expressions)
    return isNegated ? try make(.unary(.not, test), line: line, over: [test]) : test
  }

  private func startsTestArgument() -> Bool {
    switch current.kind {
    case .name: !["else", "or", "and"].contains(current.spelling)
    case .string, .integer, .float, .symbol(.leftBracket), .symbol(.leftBrace): true
    default: false
    }
  }
}
