// SPDX-License-Identifier: Apache-2.0
// Macros and call blocks: how they are made and how a call fills their parameters.

extension Compiler {
  mutating func macro(_ macro: MacroSyntax, _ place: Place) throws(TemplateProblem) -> Execute {
    let code = try macroCode(macro, place)
    let assign = try self.assign(.name(macro.name ?? ""), place)
    return { (renderer, frame) throws(TemplateProblem) in
      let object = MacroObject(code, in: frame)
      try renderer.keep(object)
      try assign(renderer, frame, .macro(object))
      return .next
    }
  }

  /// `{% call(…) callee(…) %}…{% endcall %}`: the body is a macro passed as `caller`.
  mutating func callBlock(_ macro: MacroSyntax, _ call: Expression, _ place: Place) throws(TemplateProblem) -> Execute {
    let code = try macroCode(macro, place)
    guard case .call(let callee, let arguments) = call.kind else {
      throw .syntax(message: "expected call", line: macro.line)
    }
    let evaluate = try placed(callee, place)
    let collect = try self.arguments(arguments, place)
    let line = macro.line
    return { (renderer, frame) throws(TemplateProblem) in
      let caller = MacroObject(code, in: frame)
      try renderer.keep(caller)
      do throws(TemplateProblem) {
        let function = try evaluate(renderer, frame)
        var arguments = try collect(renderer, frame)
        guard !arguments.named.contains(where: { $0.name == "caller" }) else {
          throw TemplateProblem.failure("got multiple values for keyword argument 'caller'")
        }
        arguments.named.append(("caller", .macro(caller)))
        try renderer.emit(try renderer.call(function, arguments))
      } catch {
        throw error.located(at: line)
      }
      return .next
    }
  }

  private mutating func macroCode(_ macro: MacroSyntax, _ place: Place) throws(TemplateProblem) -> MacroCode {
    let scope = place.scope.inner(inNewFunction: true)
    let names = Set(macro.parameters.map(\.name))
    for parameter in macro.parameters { scope.declareParameter(parameter.name) }
    for parameter in macro.parameters { if let fallback = parameter.fallback { scope.analyze(fallback) } }
    let special = Names.undeclared(["caller", "kwargs", "varargs"], in: macro.body)
    if special.contains("caller"), let caller = macro.parameters.first(where: { $0.name == "caller" }),
      caller.fallback == nil
    {
      throw .syntax(
        message: "When defining macros or call blocks the special \"caller\" argument must be omitted or be"
          + " given a default.", line: macro.line)
    }
    func slot(_ name: String) -> Int? {
      special.contains(name) && !names.contains(name) ? scope.declareParameter(name) : nil
    }
    let (callerSlot, keywordsSlot, extrasSlot) = (slot("caller"), slot("kwargs"), slot("varargs"))
    scope.analyze(macro.body)
    let inner = Place.function(scope)
    var parameters: [MacroCode.Parameter] = []
    for parameter in macro.parameters {
      let fallback = try parameter.fallback.map { (fallback) throws(TemplateProblem) in try placed(fallback, inner) }
      parameters.append(
        MacroCode.Parameter(
          name: parameter.name, slot: try known(parameter.name, inner).slot, fallback: fallback))
    }
    let body = try self.body(macro.body, inner)
    return MacroCode(
      name: macro.name, parameters: parameters, callerSlot: callerSlot, keywordsSlot: keywordsSlot,
      extrasSlot: extrasSlot, slotCount: scope.function.slotCount, entry: entry(scope), body: body,
      weight: macro.height)
  }
}

// MARK: - Calling

extension Renderer {
  /// Renders a macro with arguments bound as jinja2's `Macro.__call__` binds them.
  func call(_ macro: MacroObject, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let code = macro.code
    let frame = Frame(slotCount: code.slotCount, parent: macro.frame)
    try allocate(code.slotCount * 24 + 64)
    try bind(arguments, to: code, frame)
    let text = try nested(weight: code.weight + 4) { () throws(TemplateProblem) in
      try capturing { () throws(TemplateProblem) in
        enter(code.entry, frame)
        try fillMissing(code, frame)
        return try code.body(self, frame)
      }.1
    }
    return .string(text)
  }

  private func bind(_ arguments: Arguments, to code: MacroCode, _ frame: Frame) throws(TemplateProblem) {
    var named = arguments.named
    let taken = min(arguments.positional.count, code.parameters.count)
    for (parameter, value) in zip(code.parameters, arguments.positional) {
      frame.slots[parameter.slot] = value
    }
    for parameter in code.parameters[taken...] {
      if let place = named.firstIndex(where: { $0.name == parameter.name }) {
        frame.slots[parameter.slot] = named.remove(at: place).value
      }
    }
    if let slot = code.callerSlot {
      let place = named.firstIndex { $0.name == "caller" }
      frame.slots[slot] = place.map { named.remove(at: $0).value } ?? .undefined(hint: "No caller defined")
    }
    if let slot = code.keywordsSlot {
      frame.slots[slot] = try dict(named.map { (key: .string($0.name), value: $0.value) })
    } else if let extra = named.first(where: { $0.name == "caller" }) ?? named.first {
      throw .failure(
        extra.name == "caller"
          ? "macro \(code.shownName) was invoked with two values for the special caller argument. This is"
            + " most likely a bug."
          : "macro \(code.shownName) takes no keyword argument '\(extra.name)'")
    }
    if let slot = code.extrasSlot {
      frame.slots[slot] = try tuple(Array(arguments.positional.dropFirst(code.parameters.count)))
    } else if arguments.positional.count > code.parameters.count {
      throw .failure(
        "macro \(code.shownName) takes not more than \(code.parameters.count) argument(s)")
    }
  }

  /// Parameters without a value get their default, which may use the parameters before.
  private func fillMissing(_ code: MacroCode, _ frame: Frame) throws(TemplateProblem) {
    for parameter in code.parameters where frame.slots[parameter.slot] == nil {
      frame.slots[parameter.slot] =
        try parameter.fallback?(self, frame)
        ?? .undefined(hint: "parameter '\(parameter.name)' was not provided")
    }
  }
}

extension MacroCode {
  fileprivate var shownName: String { name.map { "'\($0)'" } ?? "None" }
}
