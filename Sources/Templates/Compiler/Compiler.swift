// SPDX-License-Identifier: Apache-2.0
// Syntax tree to program. Mirrors jinja2's compiler.py in what it decides before a template runs:
// scopes, unknown filters, misplaced `break`.

/// Compiles one template.
struct Compiler {
  /// What surrounds the code being compiled.
  struct Place {
    var scope: Scope
    /// Inside an `if` or a conditional expression an unknown filter is an error only when reached.
    var isSoft = false
    var isInLoop = false
    /// Whether assignments here are seen by named blocks.
    var isTopLevel = false

    /// The same place in a scope within.
    func inside(_ scope: Scope) -> Place { Place(scope: scope, isInLoop: isInLoop) }

    /// The start of a function.
    static func function(_ scope: Scope) -> Place { Place(scope: scope) }

    var soft: Place {
      var place = self
      place.isSoft = true
      return place
    }
  }

  private var names: [String: Int] = [:]
  private var orderedNames: [String] = []
  private(set) var blocks: [String: FunctionCode?] = [:]

  /// Compiles a template's statements.
  static func compile(_ statements: [Statement]) throws(TemplateProblem) -> Program {
    var compiler = Compiler()
    let scope = Scope(function: FunctionLayout(depth: 0), parent: nil)
    let selfSlot =
      Names.undeclared(["self"], in: statements).isEmpty ? nil : scope.declareParameter("self")
    let main = try compiler.function(statements, scope: scope, isTopLevel: true)
    return Program(
      contextNames: compiler.orderedNames, main: main, blocks: compiler.blocks.compactMapValues { $0 },
      selfSlot: selfSlot)
  }

  private mutating func function(_ statements: [Statement], scope: Scope, isTopLevel: Bool)
    throws(TemplateProblem) -> FunctionCode
  {
    scope.analyze(statements)
    var place = Place.function(scope)
    place.isTopLevel = isTopLevel
    let body = try self.body(statements, place)
    let entry = self.entry(scope)
    return FunctionCode(slotCount: scope.function.slotCount, entry: entry, body: body)
  }

  /// Compiles a named block: code of its own that sees the context and the template's top level.
  mutating func block(_ block: BlockSyntax, line: Int) throws(TemplateProblem) {
    guard blocks[block.name] == nil else {
      throw .syntax(message: "block '\(block.name)' defined twice", line: line)
    }
    blocks[block.name] = .some(nil)
    let scope = Scope(function: FunctionLayout(depth: 0), parent: nil)
    blocks[block.name] = try function(block.body, scope: scope, isTopLevel: false)
  }

  /// The place of a name in the context.
  mutating func contextName(_ name: String) -> ContextName {
    if let index = names[name] { return ContextName(index: index) }
    names[name] = orderedNames.count
    orderedNames.append(name)
    return ContextName(index: orderedNames.count - 1)
  }

  mutating func entry(_ scope: Scope) -> ScopeEntry {
    scope.entry { name in contextName(name) }
  }

  /// A list of statements as one.
  mutating func body(_ statements: [Statement], _ place: Place) throws(TemplateProblem) -> Execute {
    var steps: [Execute] = []
    for statement in statements { steps.append(try self.statement(statement, place)) }
    if steps.count == 1 { return steps[0] }
    return { [steps] (renderer, frame) throws(TemplateProblem) in
      for step in steps {
        let flow = try step(renderer, frame)
        if flow != .next { return flow }
      }
      return .next
    }
  }
}
