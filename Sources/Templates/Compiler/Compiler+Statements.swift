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

  private func jump(_ statement: Statement, _ place: Place) throws(TemplateProblem) -> Execute {
    let isBreak = if case .breakLoop = statement.kind { true } else { false }
    guard place.isInLoop else {
      throw .syntax(
        message: isBreak ? "'break' outside loop" : "'continue' not properly in loop", line: statement.line)
    }
    return { (_, _) in isBreak ? .breakLoop : .continueLoop }
  }
}
