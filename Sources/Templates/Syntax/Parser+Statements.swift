// SPDX-License-Identifier: Apache-2.0
// Text, print statements and block tags.

extension Parser {
  /// Statements up to one of the given tags, which is left as the current token; without tags, up
  /// to the end of the template.
  mutating func parseBody(until tags: [String]?) throws(TemplateProblem) -> [Statement] {
    try descend()
    if let tags { awaited.append(tags) }
    var body: [Statement] = []
    var parts: [OutputPart] = []
    var partsLine = 1
    func flush(_ height: Int) {
      if !parts.isEmpty {
        body.append(Statement(kind: .output(parts), line: partsLine, height: height + 1))
      }
    }
    var height = 0
    loop: while true {
      if parts.isEmpty { partsLine = current.line }
      switch current.kind {
      case .data:
        parts.append(.data(next().text))
      case .variableBegin:
        next()
        let expression = try parseTuple()
        height = max(height, expression.height)
        parts.append(.expression(expression))
        try expect(.variableEnd)
      case .blockBegin:
        flush(height)
        parts = []
        height = 0
        next()
        if let tags, current.kind == .name, tags.contains(current.spelling) { break loop }
        body.append(try parseStatement())
        try expect(.blockEnd)
      default:
        flush(height)
        if tags != nil { throw unfinished() }
        break loop
      }
    }
    if tags != nil { awaited.removeLast() }
    ascend()
    return body
  }

  /// The end of a block tag, its body, and the tag that ends it, stepped over.
  private mutating func parseBlock(until tag: String) throws(TemplateProblem) -> [Statement] {
    let body = try parseBlock(untilAny: [tag])
    next()
    return body
  }

  private mutating func parseBlock(untilAny tags: [String]) throws(TemplateProblem) -> [Statement] {
    _ = skip(.colon)
    try expect(.blockEnd)
    return try parseBody(until: tags)
  }

  private mutating func parseStatement() throws(TemplateProblem) -> Statement {
    guard current.kind == .name else { throw failure("tag name expected") }
    let line = current.line
    let tag = current.spelling
    openTags.append(tag)
    let kind = try parseTag(tag)
    openTags.removeLast()
    return Statement(kind: kind, line: line, height: kind.height + 1)
  }

  private mutating func parseTag(_ tag: String) throws(TemplateProblem) -> Statement.Kind {
    switch tag {
    case "for": return try parseFor()
    case "if": return try parseIf()
    case "set": return try parseSet()
    case "macro": return try parseMacro()
    case "call": return try parseCallBlock()
    case "filter": return try parseFilterBlock()
    case "with": return try parseWith()
    case "print": return try parsePrint()
    case "block": return try parseNamedBlock()
    case "autoescape":
      next()
      return .autoescape(try parseExpression(), body: try parseBlock(until: "endautoescape"))
    case "generation":
      next()
      return .generation(body: try parseBlock(until: "endgeneration"))
    case "break":
      next()
      return .breakLoop
    case "continue":
      next()
      return .continueLoop
    case "include", "import", "extends", "from":
      while current.kind != .blockEnd, current.kind != .end { next() }
      return .load
    default:
      openTags.removeLast()
      throw unknownTag(tag)
    }
  }

  private mutating func parseFor() throws(TemplateProblem) -> Statement.Kind {
    next()
    let target = try parseTarget(until: "in")
    try expect(name: "in")
    let iterable = try parseTuple(allowsConditional: false, endName: "recursive")
    let test: Expression? = skip(name: "if") ? try parseExpression() : nil
    let isRecursive = skip(name: "recursive")
    let body = try parseBlock(untilAny: ["endfor", "else"])
    var otherwise: [Statement] = []
    if next().spelling == "else" { otherwise = try parseBlock(until: "endfor") }
    return .loop(
      LoopSyntax(
        target: target, iterable: iterable, test: test, isRecursive: isRecursive, body: body,
        otherwise: otherwise))
  }

  private mutating func parseIf() throws(TemplateProblem) -> Statement.Kind {
    var branches: [(test: Expression, body: [Statement])] = []
    while true {
      next()
      let test = try parseTuple(allowsConditional: false)
      let body = try parseBlock(untilAny: ["elif", "else", "endif"])
      branches.append((test, body))
      if at(name: "elif") { continue }
      if next().spelling == "else" {
        return .conditional(branches, otherwise: try parseBlock(until: "endif"))
      }
      return .conditional(branches, otherwise: [])
    }
  }

  private mutating func parseSet() throws(TemplateProblem) -> Statement.Kind {
    next()
    let target = try parseTarget(allowsAttribute: true)
    if skip(.assign) { return .set(target, try parseTuple()) }
    let filter: Expression? = at(.pipe) ? try parseFilters(of: nil) : nil
    return .setBlock(target, filter: filter, body: try parseBlock(until: "endset"))
  }

  private mutating func parseWith() throws(TemplateProblem) -> Statement.Kind {
    next()
    var variables: [(target: Target, value: Expression)] = []
    while current.kind != .blockEnd {
      if !variables.isEmpty { try expect(.comma) }
      let target = try parseTarget()
      try expect(.assign)
      variables.append((target, try parseExpression()))
    }
    return .with(variables, body: try parseBlock(until: "endwith"))
  }

  private mutating func parsePrint() throws(TemplateProblem) -> Statement.Kind {
    next()
    var parts: [OutputPart] = []
    while current.kind != .blockEnd {
      if !parts.isEmpty { try expect(.comma) }
      parts.append(.expression(try parseExpression()))
    }
    return .output(parts)
  }

  private mutating func parseNamedBlock() throws(TemplateProblem) -> Statement.Kind {
    next()
    let name = try expect(.name).spelling
    let isScoped = skip(name: "scoped")
    let isRequired = skip(name: "required")
    if at(.sub) {
      throw failure(
        "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an"
          + " underscore instead.")
    }
    let body = try parseBlock(until: "endblock")
    _ = skip(name: name)
    return .block(BlockSyntax(name: name, isScoped: isScoped, isRequired: isRequired, body: body))
  }

  // MARK: Macros

  private mutating func parseMacro() throws(TemplateProblem) -> Statement.Kind {
    let line = next().line
    let name = try expect(.name).spelling
    try checkAssignable(name)
    let parameters = try parseParameters()
    let body = try parseBlock(until: "endmacro")
    return .macro(MacroSyntax(name: name, parameters: parameters, body: body, line: line))
  }

  private mutating func parseCallBlock() throws(TemplateProblem) -> Statement.Kind {
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

  private mutating func parseFilterBlock() throws(TemplateProblem) -> Statement.Kind {
    next()
    let filter = try parseFilters(of: nil, startsWithName: true)
    return .filterBlock(filter, body: try parseBlock(until: "endfilter"))
  }

  // MARK: Targets

  private func checkAssignable(_ name: String) throws(TemplateProblem) {
    if ["true", "false", "none", "True", "False", "None"].contains(name) {
      throw failure("can't assign to 'name'")
    }
  }

  /// One or more names separated by commas; with `allowsAttribute` also `ns.name`.
  private mutating func parseTarget(until end: String? = nil, allowsAttribute: Bool = false)
    throws(TemplateProblem) -> Target
  {
    var targets: [Target] = []
    var isTuple = false
    while true {
      if !targets.isEmpty { try expect(.comma) }
      if isTupleEnd(endName: end) { break }
      targets.append(try parseTargetElement(allowsAttribute: allowsAttribute))
      guard at(.comma) else { break }
      isTuple = true
    }
    if !isTuple, let only = targets.first { return only }
    guard isTuple else { throw failure("Expected an expression, got '\(current.described)'") }
    return .tuple(targets)
  }

  private mutating func parseTargetElement(allowsAttribute: Bool) throws(TemplateProblem) -> Target {
    if allowsAttribute, current.kind == .name, following.kind == .symbol(.dot) {
      let name = next().spelling
      next()
      return .attribute(name, try expect(.name).spelling)
    }
    return try target(from: parsePrimary())
  }

  private func target(from expression: Expression) throws(TemplateProblem) -> Target {
    switch expression.kind {
    case .name(let name): return .name(name)
    case .tuple(let items): return .tuple(try items.map { (item) throws(TemplateProblem) in try target(from: item) })
    default: throw failure("can't assign to '\(expression.kind.nodeName)'", line: expression.line)
    }
  }
}

extension Expression.Kind {
  /// The name of jinja2's node class, as its messages have it.
  fileprivate var nodeName: String {
    switch self {
    case .none, .bool, .int, .double, .string: "const"
    case .name: "name"
    case .tuple: "tuple"
    case .list: "list"
    case .dict: "dict"
    case .unary, .binary, .and, .or: "operation"
    case .compare: "compare"
    case .concat: "concat"
    case .conditional: "condexpr"
    case .attribute: "getattr"
    case .item, .slice: "getitem"
    case .call: "call"
    case .filter: "filter"
    case .test: "test"
    }
  }
}

extension Statement.Kind {
  /// Nesting below the statement.
  fileprivate var height: Int {
    func tallest(_ statements: [Statement]) -> Int { statements.lazy.map(\.height).max() ?? 0 }
    return switch self {
    case .output(let parts):
      parts.lazy.map { if case .expression(let part) = $0 { part.height } else { 0 } }.max() ?? 0
    case .loop(let loop):
      max(
        loop.iterable.height, loop.test?.height ?? 0, tallest(loop.body), tallest(loop.otherwise))
    case .conditional(let branches, let otherwise):
      max(branches.lazy.map { max($0.test.height, tallest($0.body)) }.max() ?? 0, tallest(otherwise))
    case .set(_, let value): value.height
    case .setBlock(_, let filter, let body): max(filter?.height ?? 0, tallest(body))
    case .macro(let macro): macro.height
    case .callBlock(let macro, let call): max(macro.height, call.height)
    case .filterBlock(let filter, let body): max(filter.height, tallest(body))
    case .with(let variables, let body):
      max(variables.lazy.map(\.value.height).max() ?? 0, tallest(body))
    case .generation(let body): tallest(body)
    case .autoescape(let flag, let body): max(flag.height, tallest(body))
    case .block(let block): tallest(block.body)
    case .breakLoop, .continueLoop, .load: 0
    }
  }
}

extension MacroSyntax {
  /// Nesting of the macro's body and default values.
  var height: Int {
    max(body.lazy.map(\.height).max() ?? 0, parameters.lazy.compactMap(\.fallback?.height).max() ?? 0)
  }
}
