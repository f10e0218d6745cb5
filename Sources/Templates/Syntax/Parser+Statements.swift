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
  mutating func parseBlock(until tag: String) throws(TemplateProblem) -> [Statement] {
    let body = try parseBlock(untilAny: [tag])
    next()
    return body
  }

  mutating func parseBlock(untilAny tags: [String]) throws(TemplateProblem) -> [Statement] {
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
    let target = try parseTarget()
    try expect(name: "in")
    let iterable = try parseTuple(allowsConditional: false)
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
}
