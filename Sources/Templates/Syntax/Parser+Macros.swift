// SPDX-License-Identifier: Apache-2.0
// Macros, call blocks, filter blocks.

extension Parser {
  mutating func parseMacro() throws(TemplateProblem) -> Statement.Kind {
    let line = next().line
    let name = try expect(.name).spelling
    try checkAssignable(name)
    let parameters = try parseParameters()
    let body = try parseBlock(until: "endmacro")
    return .macro(MacroSyntax(name: name, parameters: parameters, body: body, line: line))
  }

  mutating func parseCallBlock() throws(TemplateProblem) -> Statement.Kind {
    let line = next().line
    let parameters = at(.leftParenthesis) ? try parseParameters() : []
    let call = try parseExpression()
    guard case .call = call.kind else { throw failure("expected call", line: line) }
    let body = try parseBlock(until: "endcall")
    return .callBlock(MacroSyntax(name: nil, parameters: parameters, body: body, line: line), call: call)
  }

  private mutating func parseParameters() throws(TemplateProblem) -> [(name: String, fallback: Expression?)] {
    var parameters: [(name: String, fallback: Expression?)] = []
    try expect(.leftParenthesis)
    while !at(.rightParenthesis) {
      if !parameters.isEmpty { try expect(.comma) }
      let name = try expect(.name).spelling
      try checkAssignable(name)
      if skip(.assign) {
        parameters.append((name, try parseExpression()))
      } else if parameters.last?.fallback != nil {
        throw failure("non-default argument follows default argument")
      } else {
        parameters.append((name, nil))
      }
    }
    try expect(.rightParenthesis)
    return parameters
  }

  mutating func parseFilterBlock() throws(TemplateProblem) -> Statement.Kind {
    next()
    let filter = try parseFilters(of: nil, startsWithName: true)
    return .filterBlock(filter, body: try parseBlock(until: "endfilter"))
  }
}
