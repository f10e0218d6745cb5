// SPDX-License-Identifier: Apache-2.0
// What stands left of `=` and before `in`.

extension Parser {
  func checkAssignable(_ name: String) throws(TemplateProblem) {
    if ["true", "false", "none", "True", "False", "None"].contains(name) {
      throw failure("can't assign to 'name'")
    }
  }

  /// One or more names separated by commas; with `allowsAttribute` also `ns.name`.
  mutating func parseTarget(allowsAttribute: Bool = false)
    throws(TemplateProblem) -> Target
  {
    var targets: [Target] = []
    var isTuple = false
    while true {
      if !targets.isEmpty { try expect(.comma) }
      if isTupleEnd() { break }
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
    case .none, .bool, .int, .big, .double, .string: "const"
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
