// SPDX-License-Identifier: Apache-2.0
// `{% set … %}`, and how values get into variables.

extension Compiler {
  mutating func set(_ target: Target, _ value: Expression, line: Int, _ place: Place)
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
      return { (renderer, frame, value) throws(TemplateProblem) in
        guard case .namespace(let namespace) = frame[variable] else {
          throw .failure("cannot assign attribute on non-namespace object")
        }
        try renderer.charge(key.bytes.count >> 3)
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
}
