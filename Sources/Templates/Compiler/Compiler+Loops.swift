// SPDX-License-Identifier: Apache-2.0
// `for`: plain loops, loops with a condition, loops that use `loop`, recursive loops.

/// The parts of a compiled loop.
private struct LoopCode: Sendable {
  let assign: Assign
  let body: Execute
  let entry: ScopeEntry
  /// Whether an item takes part, and the variables the condition needs.
  let test: (assign: Assign, evaluate: Evaluate, entry: ScopeEntry)?
  let otherwise: (body: Execute, entry: ScopeEntry)?
  /// Where `loop` goes when the body uses it.
  let loopSlot: Int?
  let line: Int
}

extension Compiler {
  mutating func loop(_ loop: LoopSyntax, line: Int, _ place: Place) throws(TemplateProblem) -> Execute {
    if let name = Compiler.assignsLoop(loop) {
      throw .syntax(message: "Can't assign to special \(name) variable in for-loop target", line: line)
    }
    let bodyScope = place.scope.inner(inNewFunction: loop.isRecursive)
    let usesLoop = loop.isRecursive || Names.undeclared(["loop"], in: loop.body).contains("loop")
    let loopSlot = usesLoop ? bodyScope.declareParameter("loop") : nil
    bodyScope.declare(loop.target)
    bodyScope.analyze(loop.body)
    var bodyPlace = place.inside(bodyScope)
    bodyPlace.isInLoop = true
    let iterable = try placed(loop.iterable, place)
    let test = try test(of: loop, sharing: bodyScope, place)
    let assign = try self.assign(loop.target, bodyPlace)
    let body = try self.body(loop.body, bodyPlace)
    let otherwise = try otherwise(of: loop, sharing: bodyScope, place)
    let code = LoopCode(
      assign: assign, body: body, entry: entry(bodyScope), test: test, otherwise: otherwise,
      loopSlot: loopSlot, line: line)
    guard loop.isRecursive else {
      return { (renderer, frame) throws(TemplateProblem) in
        try renderer.run(code, over: try iterable(renderer, frame), frame, recurse: nil)
      }
    }
    return recursive(code, function: bodyScope.function, weight: Compiler.weight(of: loop), iterable: iterable)
  }

  private mutating func test(of loop: LoopSyntax, sharing bodyScope: Scope, _ place: Place)
    throws(TemplateProblem) -> (assign: Assign, evaluate: Evaluate, entry: ScopeEntry)?
  {
    guard let test = loop.test else { return nil }
    let scope = Scope(function: bodyScope.function, parent: place.scope)
    scope.declare(loop.target)
    scope.analyze(test)
    let inner = place.inside(scope)
    let assign = try self.assign(loop.target, inner)
    return (assign, try placed(test, inner), entry(scope))
  }

  private mutating func otherwise(of loop: LoopSyntax, sharing bodyScope: Scope, _ place: Place)
    throws(TemplateProblem) -> (body: Execute, entry: ScopeEntry)?
  {
    guard !loop.otherwise.isEmpty else { return nil }
    let scope = Scope(function: bodyScope.function, parent: place.scope)
    scope.analyze(loop.otherwise)
    var inner = place.inside(scope)
    inner.isInLoop = place.isInLoop && !loop.isRecursive
    let body = try self.body(loop.otherwise, inner)
    return (body, entry(scope))
  }

  /// A recursive loop is a function of its own, called for the first items and by `loop(…)`.
  private func recursive(_ code: LoopCode, function: FunctionLayout, weight: Int, iterable: @escaping Evaluate)
    -> Execute
  {
    let slotCount = function.slotCount
    return { (renderer, frame) throws(TemplateProblem) in
      let items = try iterable(renderer, frame)
      let text = try renderer.recurse(code, items, depth0: 0, slotCount: slotCount, weight: weight, frame)
      try renderer.emit(text)
      return .next
    }
  }

  private static func weight(of loop: LoopSyntax) -> Int {
    (loop.body + loop.otherwise).map(\.height).max() ?? 0
  }

  /// Whether the loop's target, or anything assigned in it, is called `loop`.
  private static func assignsLoop(_ loop: LoopSyntax) -> String? {
    func assigns(_ target: Target) -> Bool {
      switch target {
      case .name(let name): name == "loop"
      case .tuple(let targets): targets.contains(where: assigns)
      case .attribute: false
      }
    }
    func any(_ statements: [Statement]) -> Bool { statements.contains { assigns($0.kind) } }
    func assigns(_ kind: Statement.Kind) -> Bool {
      switch kind {
      case .set(let target, _): assigns(target)
      case .setBlock(let target, _, let body): assigns(target) || any(body)
      case .conditional(let branches, let otherwise): branches.contains { any($0.body) } || any(otherwise)
      case .with(_, let body), .filterBlock(_, let body), .generation(let body), .autoescape(_, let body):
        any(body)
      case .callBlock(let macro, _), .macro(let macro): any(macro.body)
      case .loop(let inner): assigns(inner.target) || any(inner.body) || any(inner.otherwise)
      case .output, .block, .breakLoop, .continueLoop, .load: false
      }
    }
    return assigns(loop.target) || any(loop.body) || any(loop.otherwise) ? "loop" : nil
  }
}

// MARK: - Running

extension Renderer {
  /// Runs a loop in a frame that has its slots.
  fileprivate func run(
    _ code: LoopCode, over iterable: Object, _ frame: Frame, depth0: Int = 0,
    recurse: ((Object, Int) throws(TemplateProblem) -> Object)?
  ) throws(TemplateProblem) -> Flow {
    let items: [Object]
    do throws(TemplateProblem) {
      items = try self.items(of: iterable)
    } catch {
      throw error.located(at: code.line)
    }
    if let test = code.test { enter(test.entry, frame) }
    // As in jinja2, `else` is for loops of which no round came to its end.
    var isUnfinished = true
    if let loopSlot = code.loopSlot {
      try runWithLoop(code, items, frame, loopSlot, depth0: depth0, recurse: recurse, &isUnfinished)
    } else {
      try runPlain(code, items, frame, &isUnfinished)
    }
    leave(code.entry, frame)
    guard isUnfinished, let otherwise = code.otherwise else { return .next }
    enter(otherwise.entry, frame)
    let result = try otherwise.body(self, frame)
    leave(otherwise.entry, frame)
    return result
  }

  private func runPlain(_ code: LoopCode, _ items: [Object], _ frame: Frame, _ isUnfinished: inout Bool)
    throws(TemplateProblem)
  {
    for item in items {
      if code.test != nil, !(try passes(code, item, frame)) { continue }
      let flow = try round(code, item, frame)
      if flow == .next { isUnfinished = false }
      if flow == .breakLoop { return }
    }
  }

  private func runWithLoop(
    _ code: LoopCode, _ items: [Object], _ frame: Frame, _ slot: Int, depth0: Int,
    recurse: ((Object, Int) throws(TemplateProblem) -> Object)?, _ isUnfinished: inout Bool
  ) throws(TemplateProblem) {
    let test: ((Object) throws(TemplateProblem) -> Bool)? =
      code.test == nil
      ? nil : { [unowned self] (item) throws(TemplateProblem) in try self.passes(code, item, frame) }
    let loop = LoopObject(items, test: test, depth0: depth0, recurse: recurse)
    try keep(loop)
    defer { loop.finish() }
    while let item = try loop.advance() {
      frame.slots[slot] = .loop(loop)
      let flow = try round(code, item, frame)
      if flow == .next { isUnfinished = false }
      if flow == .breakLoop { return }
    }
  }

  /// One round of a loop.
  private func round(_ code: LoopCode, _ item: Object, _ frame: Frame) throws(TemplateProblem) -> Flow {
    do throws(TemplateProblem) {
      try charge(1)
      try code.assign(self, frame, item)
    } catch {
      throw error.located(at: code.line)
    }
    enter(code.entry, frame)
    return try code.body(self, frame)
  }

  private func passes(_ code: LoopCode, _ item: Object, _ frame: Frame) throws(TemplateProblem) -> Bool {
    guard let test = code.test else { return true }
    try charge(1)
    try test.assign(self, frame, item)
    return try test.evaluate(self, frame).isTrue
  }

  /// Calls a recursive loop.
  fileprivate func recurse(
    _ code: LoopCode, _ iterable: Object, depth0: Int, slotCount: Int, weight: Int, _ outer: Frame
  ) throws(TemplateProblem) -> Text {
    try nested(weight: weight + 4) { () throws(TemplateProblem) in
      let frame = Frame(slotCount: slotCount, parent: outer)
      let (_, text) = try capturing { () throws(TemplateProblem) in
        try run(code, over: iterable, frame, depth0: depth0) {
          [unowned self] (items, depth0) throws(TemplateProblem) in
          .string(
            try self.recurse(code, items, depth0: depth0, slotCount: slotCount, weight: weight, outer))
        }
      }
      return text
    }
  }
}
