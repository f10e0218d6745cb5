// SPDX-License-Identifier: Apache-2.0
// Expressions but attributes and calls.

extension Compiler {
  mutating func expression(_ expression: Expression, _ place: Place) throws(TemplateProblem) -> Evaluate {
    switch expression.kind {
    case .none: return { (_, _) in .none }
    case .bool(let value): return { (_, _) in .bool(value) }
    case .int(let value): return { (_, _) in .int(value) }
    case .big(let value): return { (_, _) in .big(value) }
    case .double(let value): return { (_, _) in .double(value) }
    case .string(let text): return { (_, _) in .string(text) }
    case .name(let name): return try self.name(name, place)
    case .tuple(let items): return try container(items, place) { .tuple($0) }
    case .list(let items): return try container(items, place) { .list($0) }
    case .dict(let items): return try dict(items, place)
    case .unary(let operation, let operand): return try unary(operation, operand, place)
    case .binary(let operation, let left, let right): return try binary(operation, left, right, place)
    case .and(let left, let right): return try and(left, right, place)
    case .or(let left, let right): return try or(left, right, place)
    case .compare(let left, let comparisons): return try compare(left, comparisons, place)
    case .concat(let parts): return try concat(parts, place)
    case .conditional(let test, let then, let otherwise):
      return try conditional(test, then, otherwise, line: expression.line, place)
    case .attribute(let base, let name): return try attribute(base, name, place)
    case .item(let base, let key): return try item(base, key, place)
    case .slice(let base, let start, let stop, let step): return try slice(base, start, stop, step, place)
    case .call(let callee, let arguments): return try call(callee, arguments, place)
    case .filter(let subject, let name, let arguments):
      return try filter(subject, name, arguments, line: expression.line, place)
    case .test(let subject, let name, let arguments):
      return try test(subject, name, arguments, line: expression.line, place)
    }
  }

  private mutating func all(_ expressions: [Expression], _ place: Place) throws(TemplateProblem) -> [Evaluate] {
    var result: [Evaluate] = []
    for expression in expressions { result.append(try self.expression(expression, place)) }
    return result
  }

  private mutating func optional(_ expression: Expression?, _ place: Place) throws(TemplateProblem) -> Evaluate? {
    if let expression { try self.expression(expression, place) } else { nil }
  }

  // MARK: Names and containers

  private mutating func name(_ name: String, _ place: Place) throws(TemplateProblem) -> Evaluate {
    let variable = try known(name, place)
    let undefined = Undefined(.name(name))
    if variable.hops == 0 {
      let slot = variable.slot
      return { (_, frame) in frame.slots[slot] ?? .undefined(undefined) }
    }
    return { (_, frame) in frame[variable] ?? .undefined(undefined) }
  }

  private mutating func container(
    _ items: [Expression], _ place: Place, _ make: @escaping @Sendable (ListObject) -> Object
  ) throws(TemplateProblem) -> Evaluate {
    let parts = try all(items, place)
    return { (renderer, frame) throws(TemplateProblem) in
      try renderer.allocateItems(parts.count)
      var values: [Object] = []
      values.reserveCapacity(parts.count)
      for part in parts { values.append(try part(renderer, frame)) }
      return make(try ListObject(values))
    }
  }

  private mutating func dict(_ items: [(key: Expression, value: Expression)], _ place: Place)
    throws(TemplateProblem) -> Evaluate
  {
    var parts: [(key: Evaluate, value: Evaluate)] = []
    for item in items { parts.append((try expression(item.key, place), try expression(item.value, place))) }
    return { [parts] (renderer, frame) throws(TemplateProblem) in
      var entries: [(key: Object, value: Object)] = []
      entries.reserveCapacity(parts.count)
      for part in parts { entries.append((try part.key(renderer, frame), try part.value(renderer, frame))) }
      return try renderer.dict(entries)
    }
  }

  // MARK: Operators

  private mutating func unary(_ operation: UnaryOperator, _ operand: Expression, _ place: Place)
    throws(TemplateProblem) -> Evaluate
  {
    let operand = try expression(operand, place)
    switch operation {
    case .not:
      return { (renderer, frame) throws(TemplateProblem) in .bool(!(try operand(renderer, frame).isTrue)) }
    case .negative:
      return { (renderer, frame) throws(TemplateProblem) in
        try Arithmetic.negative(try operand(renderer, frame))
      }
    case .positive:
      return { (renderer, frame) throws(TemplateProblem) in
        try Arithmetic.positive(try operand(renderer, frame))
      }
    }
  }

  private mutating func binary(_ operation: BinaryOperator, _ left: Expression, _ right: Expression, _ place: Place)
    throws(TemplateProblem) -> Evaluate
  {
    if operation == .pow, case .unary(.negative, let base) = left.kind, base.kind.isNumber, !right.kind.isNumber {
      return try negativePower(of: base, right, place)
    }
    let left = try expression(left, place)
    let right = try expression(right, place)
    if operation == .add {
      return { (renderer, frame) throws(TemplateProblem) in
        try renderer.add(try left(renderer, frame), try right(renderer, frame))
      }
    }
    return { (renderer, frame) throws(TemplateProblem) in
      try renderer.apply(operation, try left(renderer, frame), try right(renderer, frame))
    }
  }

  /// `-2 ** x`. jinja2 takes the sign for part of the number, then writes Python in which it no longer
  /// is: the power is taken first, unless all is known beforehand.
  private mutating func negativePower(of base: Expression, _ exponent: Expression, _ place: Place)
    throws(TemplateProblem) -> Evaluate
  {
    let base = try expression(base, place)
    let exponent = try expression(exponent, place)
    return { (renderer, frame) throws(TemplateProblem) in
      try Arithmetic.negative(try renderer.apply(.pow, try base(renderer, frame), try exponent(renderer, frame)))
    }
  }

  private mutating func and(_ left: Expression, _ right: Expression, _ place: Place)
    throws(TemplateProblem) -> Evaluate
  {
    let left = try expression(left, place)
    let right = try expression(right, place)
    return { (renderer, frame) throws(TemplateProblem) in
      let value = try left(renderer, frame)
      return value.isTrue ? try right(renderer, frame) : value
    }
  }

  private mutating func or(_ left: Expression, _ right: Expression, _ place: Place)
    throws(TemplateProblem) -> Evaluate
  {
    let left = try expression(left, place)
    let right = try expression(right, place)
    return { (renderer, frame) throws(TemplateProblem) in
      let value = try left(renderer, frame)
      return value.isTrue ? value : try right(renderer, frame)
    }
  }

  private mutating func compare(_ left: Expression, _ comparisons: [Comparison], _ place: Place)
    throws(TemplateProblem) -> Evaluate
  {
    let first = try expression(left, place)
    var steps: [(operation: Comparison.Operator, right: Evaluate)] = []
    for comparison in comparisons {
      steps.append((comparison.operation, try expression(comparison.right, place)))
    }
    if steps.count == 1 {
      let (operation, right) = steps[0]
      return { (renderer, frame) throws(TemplateProblem) in
        let left = try first(renderer, frame)
        return .bool(try renderer.compare(operation, left, try right(renderer, frame)))
      }
    }
    return { [steps] (renderer, frame) throws(TemplateProblem) in
      var left = try first(renderer, frame)
      for step in steps {
        let right = try step.right(renderer, frame)
        guard try renderer.compare(step.operation, left, right) else { return .bool(false) }
        left = right
      }
      return .bool(true)
    }
  }

  private mutating func concat(_ parts: [Expression], _ place: Place) throws(TemplateProblem) -> Evaluate {
    let parts = try all(parts, place)
    return { (renderer, frame) throws(TemplateProblem) in
      var values: [Object] = []
      values.reserveCapacity(parts.count)
      for part in parts { values.append(try part(renderer, frame)) }
      return try renderer.concat(values)
    }
  }

  private mutating func conditional(
    _ test: Expression, _ then: Expression, _ otherwise: Expression?, line: Int, _ place: Place
  ) throws(TemplateProblem) -> Evaluate {
    let test = try expression(test, place.soft)
    let then = try expression(then, place.soft)
    let otherwise = try optional(otherwise, place.soft)
    let undefined = Undefined(
      .hint("the inline if-expression on line \(line) evaluated to false and no else section was defined."))
    return { (renderer, frame) throws(TemplateProblem) in
      if try test(renderer, frame).isTrue { return try then(renderer, frame) }
      return try otherwise?(renderer, frame) ?? .undefined(undefined)
    }
  }

  private mutating func slice(
    _ base: Expression, _ start: Expression?, _ stop: Expression?, _ step: Expression?, _ place: Place
  ) throws(TemplateProblem) -> Evaluate {
    let base = try expression(base, place)
    let start = try optional(start, place)
    let stop = try optional(stop, place)
    let step = try optional(step, place)
    return { (renderer, frame) throws(TemplateProblem) in
      let object = try base(renderer, frame)
      let slice = Slice(
        start: try start?(renderer, frame), stop: try stop?(renderer, frame), step: try step?(renderer, frame))
      return try renderer.slice(object, slice)
    }
  }
}

extension Expression.Kind {
  /// Whether this is a number as it is written, with or without a sign.
  fileprivate var isNumber: Bool {
    switch self {
    case .int, .big, .double: true
    case .unary(.negative, let operand), .unary(.positive, let operand): operand.kind.isNumber
    default: false
    }
  }
}
