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
    allowsConditional: Bool = true, allowsEmpty: Bool = false
  ) throws(TemplateProblem) -> Expression {
    let line = current.line
    var items: [Expression] = []
    var isTuple = false
    while true {
      if !items.isEmpty { try expect(.comma) }
      if isTupleEnd() { break }
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

  func isTupleEnd() -> Bool {
    switch current.kind {
    case .variableEnd, .blockEnd, .symbol(.rightParenthesis): true
    default: false
    }
  }

  // MARK: Operators

  private mutating func parseOperators(from minimum: Int) throws(TemplateProblem) -> Expression {
    try descend()
    defer { ascend() }
    var left: Expression
    if minimum <= Strength.not.rawValue, at(name: "not") {
      let line = next().line
      let operand = try parseOperators(from: Strength.not.rawValue)
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

  mutating func parseUnary(withFilters: Bool = true) throws(TemplateProblem) -> Expression {
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
}
