// SPDX-License-Identifier: Apache-2.0
// Blocks that are scopes of their own: `set` and `filter` blocks, `with`, `generation`, `autoescape`, named blocks.

extension Compiler {
  mutating func setBlock(
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

  mutating func filterBlock(_ filter: Expression, _ statements: [Statement], line: Int, _ place: Place)
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

  mutating func with(
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
  mutating func generation(_ statements: [Statement], _ place: Place) throws(TemplateProblem) -> Execute {
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

  mutating func autoescape(_ flag: Expression, _ statements: [Statement], line: Int, _ place: Place)
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

  mutating func namedBlock(_ block: BlockSyntax, line: Int, _ place: Place) throws(TemplateProblem) -> Execute {
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
}
