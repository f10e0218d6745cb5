// SPDX-License-Identifier: Apache-2.0
// Walks a block's syntax, noting names read and assigned in the order of the source. Inner blocks
// that are scopes of their own are left to their own walk.

extension Scope {
  func analyze(_ statements: [Statement]) {
    for statement in statements { analyze(statement) }
  }

  private func analyze(_ statement: Statement) {
    switch statement.kind {
    case .output(let parts):
      for case .expression(let expression) in parts { analyze(expression) }
    case .loop(let loop): analyze(loop.iterable)
    case .conditional(let branches, let otherwise): analyze(branches[...], otherwise)
    case .set(let target, let value):
      analyze(value)
      analyze(target)
    case .setBlock(let target, _, _): analyze(target)
    case .macro(let macro): if let name = macro.name { store(name) }
    case .callBlock(_, let call): analyze(call)
    case .filterBlock(let filter, _): analyze(filter)
    case .with(let variables, _): for variable in variables { analyze(variable.value) }
    case .generation, .autoescape, .block, .breakLoop, .continueLoop, .load: break
    }
  }

  /// The first test is read always; each branch may assign other names.
  private func analyze(
    _ branches: ArraySlice<(test: Expression, body: [Statement])>, _ otherwise: [Statement]
  ) {
    guard let first = branches.first else { return }
    analyze(first.test)
    let bodyScope = branch()
    bodyScope.analyze(first.body)
    let elifScope = branch()
    for branch in branches.dropFirst() {
      elifScope.analyze([branch][...], [])
    }
    let otherwiseScope = branch()
    otherwiseScope.analyze(otherwise)
    merge([bodyScope, elifScope, otherwiseScope])
  }

  func analyze(_ target: Target) {
    switch target {
    case .name(let name): store(name)
    case .tuple(let targets): for target in targets { analyze(target) }
    case .attribute(let name, _): load(name)
    }
  }

  /// Makes parameters of a loop's or `with`'s names.
  func declare(_ target: Target) {
    switch target {
    case .name(let name): declareParameter(name)
    case .tuple(let targets): for target in targets { declare(target) }
    case .attribute(let name, _): load(name)
    }
  }

  func analyze(_ expression: Expression) {
    Names.visit(expression) { name in
      load(name)
      return true
    }
  }
}

/// Finds names in syntax, scopes or no scopes.
enum Names {
  /// Calls a function with every name an expression reads, until it returns false.
  @discardableResult
  static func visit(_ expression: Expression, _ body: (String) -> Bool) -> Bool {
    func all(_ parts: [Expression]) -> Bool { parts.allSatisfy { visit($0, body) } }
    return switch expression.kind {
    case .none, .bool, .int, .big, .double, .string: true
    case .name(let name): body(name)
    case .tuple(let items), .list(let items), .concat(let items): all(items)
    case .dict(let items): items.allSatisfy { all([$0.key, $0.value]) }
    case .unary(_, let operand): visit(operand, body)
    case .binary(_, let left, let right), .and(let left, let right), .or(let left, let right),
      .item(let left, let right):
      all([left, right])
    case .compare(let left, let comparisons): all([left] + comparisons.map(\.right))
    case .conditional(let test, let then, let otherwise):
      all([test, then] + [otherwise].compactMap { $0 })
    case .attribute(let base, _): visit(base, body)
    case .slice(let base, let start, let stop, let step): all([base] + [start, stop, step].compactMap { $0 })
    case .call(let callee, let arguments): all([callee] + arguments.expressions)
    case .filter(let subject, _, let arguments): all([subject].compactMap { $0 } + arguments.expressions)
    case .test(let subject, _, let arguments): all([subject] + arguments.expressions)
    }
  }

  /// Which of the names the statements read before they assign them, inner scopes included; named
  /// blocks are left out. jinja2 asks this for `loop`, `caller`, `kwargs` and `varargs`.
  static func undeclared(_ names: Set<String>, in statements: [Statement]) -> Set<String> {
    var search = UndeclaredSearch(open: names)
    search.visit(statements)
    return search.found
  }
}

/// jinja2's `UndeclaredNameVisitor`.
private struct UndeclaredSearch {
  var open: Set<String>
  var found: Set<String> = []

  init(open: Set<String>) { self.open = open }

  mutating func visit(_ statements: [Statement]) {
    for statement in statements { visit(statement.kind) }
  }

  private mutating func visit(_ expression: Expression?) {
    guard let expression else { return }
    Names.visit(expression) { name in
      if open.contains(name) { found.insert(name) }
      return true
    }
  }

  private mutating func assign(_ target: Target) {
    switch target {
    case .name(let name): open.remove(name)
    case .tuple(let targets): for target in targets { assign(target) }
    case .attribute: break
    }
  }

  private mutating func visit(_ macro: MacroSyntax) {
    for parameter in macro.parameters { open.remove(parameter.name) }
    for parameter in macro.parameters { visit(parameter.fallback) }
    visit(macro.body)
  }

  private mutating func visit(_ kind: Statement.Kind) {
    switch kind {
    case .output(let parts):
      for case .expression(let expression) in parts { visit(expression) }
    case .loop(let loop):
      assign(loop.target)
      visit(loop.iterable)
      visit(loop.body)
      visit(loop.otherwise)
      visit(loop.test)
    case .conditional(let branches, let otherwise):
      for branch in branches {
        visit(branch.test)
        visit(branch.body)
      }
      visit(otherwise)
    case .set(let target, let value):
      assign(target)
      visit(value)
    case .setBlock(let target, let filter, let body):
      assign(target)
      visit(filter)
      visit(body)
    case .macro(let macro): visit(macro)
    case .callBlock(let macro, let call):
      visit(call)
      visit(macro)
    case .filterBlock(let filter, let body):
      visit(body)
      visit(filter)
    case .with(let variables, let body):
      for variable in variables { assign(variable.target) }
      for variable in variables { visit(variable.value) }
      visit(body)
    case .generation(let body): visit(body)
    case .autoescape(let flag, let body):
      visit(flag)
      visit(body)
    case .block, .breakLoop, .continueLoop, .load: break
    }
  }
}
