// SPDX-License-Identifier: Apache-2.0
// `value|filter(…)` and `value is test`.

extension Parser {
  mutating func parseFiltersAndTests(_ start: Expression) throws(TemplateProblem) -> Expression {
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
