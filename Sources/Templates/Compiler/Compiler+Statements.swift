// SPDX-License-Identifier: Apache-2.0
// Statements but loops and macros.

extension Compiler {
  mutating func statement(_ statement: Statement, _ place: Place) throws(TemplateProblem) -> Execute {
    let line = statement.line
    switch statement.kind {
    case .output(let parts): return try output(parts, place)
    case .loop(let loop): return try self.loop(loop, line: line, place)
    case .conditional(let branches, let otherwise): return try conditional(branches, otherwise, place)
    case .set(let target, let value): return try set(target, value, line: line, place)
    case .setBlock(let target, let filter, let body):
      return try setBlock(target, filter, body, line: line, place)
    case .macro(let macro): return try self.macro(macro, place)
    case .callBlock(let macro, let call): return try callBlock(macro, call, place)
    case .filterBlock(let filter, let body): return try filterBlock(filter, body, line: line, place)
    case .with(let variables, let body): return try with(variables, body, line: line, place)
    case .generation(let body): return try generation(body, place)
    case .autoescape(let flag, let body): return try autoescape(flag, body, line: line, place)
    case .block(let block): return try namedBlock(block, line: line, place)
    case .breakLoop, .continueLoop: return try jump(statement, place)
    case .load:
      return { (_, _) throws(TemplateProblem) in
        throw .runtime(message: "no loader for this environment specified", line: line)
      }
    }
  }

  /// Evaluates with problems placed at a line, counting the expression's nodes as steps.
  mutating func placed(_ expression: Expression, _ place: Place) throws(TemplateProblem) -> Evaluate {
    let evaluate = try self.expression(expression, place)
    let (line, size) = (expression.line, expression.size)
    return { (renderer, frame) throws(TemplateProblem) in
      do throws(TemplateProblem) {
        try renderer.charge(size)
        return try evaluate(renderer, frame)
      } catch {
        throw error.located(at: line)
      }
    }
  }

  private mutating func output(_ parts: [OutputPart], _ place: Place) throws(TemplateProblem) -> Execute {
    var steps: [Execute] = []
    for part in parts {
      switch part {
      case .data(let text): steps.append(print(text))
      case .expression(let expression): steps.append(try print(expression, place))
      }
    }
    return { [steps] (renderer, frame) throws(TemplateProblem) in
      for step in steps { _ = try step(renderer, frame) }
      return .next
    }
  }

  private func print(_ text: Text) -> Execute {
    { (renderer, _) throws(TemplateProblem) in
      try renderer.charge(1)
      try renderer.emit(text)
      return .next
    }
  }

  private mutating func print(_ expression: Expression, _ place: Place) throws(TemplateProblem) -> Execute {
    let evaluate = try self.expression(expression, place)
    let (line, size) = (expression.line, expression.size)
    return { (renderer, frame) throws(TemplateProblem) in
      do throws(TemplateProblem) {
        try renderer.charge(size)
        try renderer.emit(try evaluate(renderer, frame))
      } catch {
        throw error.located(at: line)
      }
      return .next
    }
  }

  private mutating func conditional(
    _ branches: [(test: Expression, body: [Statement])], _ otherwise: [Statement], _ place: Place
  ) throws(TemplateProblem) -> Execute {
    var compiled: [(test: Evaluate, body: Execute)] = []
    for branch in branches {
      compiled.append((try placed(branch.test, place.soft), try body(branch.body, place.soft)))
    }
    let fallback = try body(otherwise, place.soft)
    return { [compiled] (renderer, frame) throws(TemplateProblem) in
      for branch in compiled where try branch.test(renderer, frame).isTrue {
        return try branch.body(renderer, frame)
      }
      return try fallback(renderer, frame)
    }
  }

  // MARK: Assignment

  private mutating func set(_ target: Target, _ value: Expression, line: Int, _ place: Place)
    throws(TemplateProblem) -> Execute
  {
    let evaluate = try placed(value, place)
    let assign = try self.assign(target, place)
    let check = try namespaceCheck(target, place)
    return { (renderer, frame) throws(TemplateProblem) in
      do throws(TemplateProblem) {
        try check?(renderer, frame)
        try assign(renderer, frame, try evaluate(renderer, frame))
      } catch {
        throw error.located(at: line)
      }
      return .next
    }
  }

  /// Before anything is evaluated, `ns` of `ns.name` must be a namespace.
  private mutating func namespaceCheck(_ target: Target, _ place: Place) throws(TemplateProblem)
    -> (@Sendable (Renderer, Frame) throws(TemplateProblem) -> Void)?
  {
    switch target {
    case .name: return nil
    case .attribute(let name, _):
      let variable = try known(name, place)
      return { (_, frame) throws(TemplateProblem) in
        guard case .namespace = frame[variable] else {
          throw .failure("cannot assign attribute on non-namespace object")
        }
      }
    case .tuple(let targets):
      var checks: [@Sendable (Renderer, Frame) throws(TemplateProblem) -> Void] = []
      for target in targets {
        if let check = try namespaceCheck(target, place) { checks.append(check) }
      }
      if checks.isEmpty { return nil }
      return { [checks] (renderer, frame) throws(TemplateProblem) in
        for check in checks { try check(renderer, frame) }
      }
    }
  }

  /// The variable of a name the analysis has seen.
  func known(_ name: String, _ place: Place) throws(TemplateProblem) -> Variable {
    guard let variable = place.scope.variable(name) else {
      throw .failure("the name '\(name)' was not analysed")
    }
    return variable
  }

  mutating func assign(_ target: Target, _ place: Place) throws(TemplateProblem) -> Assign {
    switch target {
    case .name(let name):
      let variable = try known(name, place)
      guard place.isTopLevel else { return { (_, frame, value) in frame.slots[variable.slot] = value } }
      let contextName = contextName(name)
      return { (renderer, frame, value) in
        frame.slots[variable.slot] = value
        renderer.context[contextName.index] = value
      }
    case .attribute(let name, let attribute):
      let variable = try known(name, place)
      let key = Text(attribute)
      return { (_, frame, value) throws(TemplateProblem) in
        guard case .namespace(let namespace) = frame[variable] else {
          throw .failure("cannot assign attribute on non-namespace object")
        }
        try Functions.checkNamespaceName(key)
        namespace.set(key, to: value)
      }
    case .tuple(let targets):
      var parts: [Assign] = []
      for target in targets { parts.append(try assign(target, place)) }
      return { [parts] (renderer, frame, value) throws(TemplateProblem) in
        let items = try renderer.unpack(value, count: parts.count)
        for (part, item) in zip(parts, items) { try part(renderer, frame, item) }
      }
    }
  }

  // MARK: Blocks with a scope

  private mutating func setBlock(
    _ target: Target, _ filter: Expression?, _ statements: [Statement], line: Int, _ place: Place
  ) throws(TemplateProblem) -> Execute {
    let inner = place.inside(place.scope.inner())
    inner.scope.analyze(statements)
    let body = try self.body(statements, inner)
    let transform = try filter.map { (filter) throws(TemplateProblem) in try self.filterOfBlock(filter, inner) }
    let assign = try self.assign(target, place)
    let entry = self.entry(inner.scope)
    return { (renderer, frame) throws(TemplateProblem) in
      renderer.enter(entry, frame)
      let (flow, text) = try renderer.capturing { () throws(TemplateProblem) in try body(renderer, frame) }
      guard flow == .next else { return flow }
      do throws(TemplateProblem) {
        let value = try transform?(renderer, frame, .string(text)) ?? .string(text)
        try assign(renderer, frame, value)
      } catch {
        throw error.located(at: line)
      }
      renderer.leave(entry, frame)
      return .next
    }
  }

  private mutating func filterBlock(_ filter: Expression, _ statements: [Statement], line: Int, _ place: Place)
    throws(TemplateProblem) -> Execute
  {
    let inner = place.inside(place.scope.inner())
    inner.scope.analyze(statements)
    let body = try self.body(statements, inner)
    let transform = try filterOfBlock(filter, inner)
    let entry = self.entry(inner.scope)
    return { (renderer, frame) throws(TemplateProblem) in
      renderer.enter(entry, frame)
      let (flow, text) = try renderer.capturing { () throws(TemplateProblem) in try body(renderer, frame) }
      guard flow == .next else { return flow }
      do throws(TemplateProblem) {
        try renderer.emit(try transform(renderer, frame, .string(text)))
      } catch {
        throw error.located(at: line)
      }
      renderer.leave(entry, frame)
      return .next
    }
  }

  private mutating func with(
    _ variables: [(target: Target, value: Expression)], _ statements: [Statement], line: Int, _ place: Place
  ) throws(TemplateProblem) -> Execute {
    let inner = place.inside(place.scope.inner())
    for variable in variables { inner.scope.declare(variable.target) }
    inner.scope.analyze(statements)
    var assignments: [(assign: Assign, value: Evaluate)] = []
    for variable in variables {
      assignments.append((try assign(variable.target, inner), try placed(variable.value, place)))
    }
    let body = try self.body(statements, inner)
    let entry = self.entry(inner.scope)
    return { [assignments] (renderer, frame) throws(TemplateProblem) in
      renderer.enter(entry, frame)
      do throws(TemplateProblem) {
        for (assign, value) in assignments { try assign(renderer, frame, try value(renderer, frame)) }
      } catch {
        throw error.located(at: line)
      }
      let flow = try body(renderer, frame)
      renderer.leave(entry, frame)
      return flow
    }
  }

  /// `{% generation %}` marks what the assistant says; rendering prints it as it is. To jinja2 it
  /// is a call block: names assigned within stay within, and loops around cannot be left.
  private mutating func generation(_ statements: [Statement], _ place: Place) throws(TemplateProblem) -> Execute {
    var inner = place.inside(place.scope.inner())
    inner.isInLoop = false
    inner.scope.analyze(statements)
    let body = try self.body(statements, inner)
    let entry = self.entry(inner.scope)
    return { (renderer, frame) throws(TemplateProblem) in
      renderer.enter(entry, frame)
      _ = try body(renderer, frame)
      renderer.leave(entry, frame)
      return .next
    }
  }

  private mutating func autoescape(_ flag: Expression, _ statements: [Statement], line: Int, _ place: Place)
    throws(TemplateProblem) -> Execute
  {
    let inner = place.inside(place.scope.inner())
    inner.scope.analyze(flag)
    inner.scope.analyze(statements)
    let evaluate = try placed(flag, inner)
    let body = try self.body(statements, inner)
    let entry = self.entry(inner.scope)
    return { (renderer, frame) throws(TemplateProblem) in
      renderer.enter(entry, frame)
      let before = renderer.escapesOutput
      renderer.escapesOutput = try evaluate(renderer, frame).isTrue
      defer { renderer.escapesOutput = before }
      let flow = try body(renderer, frame)
      renderer.leave(entry, frame)
      return flow
    }
  }

  private mutating func namedBlock(_ block: BlockSyntax, line: Int, _ place: Place) throws(TemplateProblem) -> Execute {
    try self.block(block, line: line)
    if block.isRequired {
      return { (_, _) throws(TemplateProblem) in
        throw .runtime(message: "Required block '\(block.name)' not found", line: line)
      }
    }
    guard let code = blocks[block.name], let code else { throw .failure("block '\(block.name)' has no code") }
    var shown: [(name: ContextName, variable: Variable)] = []
    if block.isScoped {
      for (name, variable) in place.scope.visibleStores { shown.append((contextName(name), variable)) }
    }
    return { [shown] (renderer, frame) throws(TemplateProblem) in
      var hidden: [Object?] = []
      for (name, variable) in shown {
        hidden.append(renderer.context[name.index])
        renderer.context[name.index] = frame[variable]
      }
      defer {
        for (entry, value) in zip(shown, hidden) { renderer.context[entry.name.index] = value }
      }
      try renderer.run(code)
      return .next
    }
  }

  private func jump(_ statement: Statement, _ place: Place) throws(TemplateProblem) -> Execute {
    let isBreak = if case .breakLoop = statement.kind { true } else { false }
    guard place.isInLoop else {
      throw .syntax(
        message: isBreak ? "'break' outside loop" : "'continue' not properly in loop", line: statement.line)
    }
    return { (_, _) in isBreak ? .breakLoop : .continueLoop }
  }
}
