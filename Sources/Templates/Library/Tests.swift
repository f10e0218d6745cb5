// SPDX-License-Identifier: Apache-2.0
// The tests of `is`: all of jinja2's.

/// Tests by name.
enum Tests {
  typealias Test = @Sendable (Renderer, Object, Arguments) throws(TemplateProblem) -> Bool

  static func named(_ name: String) -> Test? { table[name] }

  private static let table: [String: Test] = [
    "defined": plain { value in !value.isUndefined },
    "undefined": plain { value in value.isUndefined },
    "none": plain { value in if case .none = value { true } else { false } },
    "boolean": plain { value in if case .bool = value { true } else { false } },
    "true": plain { value in if case .bool(true) = value { true } else { false } },
    "false": plain { value in if case .bool(false) = value { true } else { false } },
    "integer": plain { value in
      switch value {
      case .int, .big: true
      default: false
      }
    },
    "float": plain { value in if case .double = value { true } else { false } },
    "number": plain { value in value.doubleValue != nil },
    "string": plain { value in if case .string = value { true } else { false } },
    "mapping": plain { value in if case .dict = value { true } else { false } },
    "sequence": plain { value in isSequence(value) },
    "iterable": plain { value in isIterable(value) },
    "callable": plain { value in isCallable(value) },
    "escaped": plain { value in value.textValue?.isMarkup ?? false },
    "lower": unary { (renderer, value) throws(TemplateProblem) in try closely(value, renderer).isLower },
    "upper": unary { (renderer, value) throws(TemplateProblem) in try closely(value, renderer).isUpper },
    "odd": unary { (renderer, value) throws(TemplateProblem) in try remainder(renderer, value, .int(2), is: 1) },
    "even": unary { (renderer, value) throws(TemplateProblem) in try remainder(renderer, value, .int(2), is: 0) },
    "divisibleby": { (renderer, value, arguments) throws(TemplateProblem) in
      let divisor = try arguments.bind("divisibleby", ["num"], required: 1)[0] ?? .none
      return try remainder(renderer, value, divisor, is: 0)
    },
    "filter": unary { (renderer, value) throws(TemplateProblem) in
      try renderer.seek(value)
      return value.textValue.map { Filters.named($0.string) != nil } ?? false
    },
    "test": unary { (renderer, value) throws(TemplateProblem) in
      try renderer.seek(value)
      return value.textValue.map { exists($0.string) } ?? false
    },
    "sameas": { (renderer, value, arguments) throws(TemplateProblem) in
      isSame(value, try arguments.bind("sameas", ["other"], required: 1)[0] ?? .none)
    },
    "in": { (renderer, value, arguments) throws(TemplateProblem) in
      try renderer.contains(try arguments.bind("in", ["seq"], required: 1)[0] ?? .none, value)
    },
    "eq": comparison(.equal), "==": comparison(.equal), "equalto": comparison(.equal),
    "ne": comparison(.notEqual), "!=": comparison(.notEqual),
    "gt": comparison(.greater), ">": comparison(.greater), "greaterthan": comparison(.greater),
    "ge": comparison(.greaterOrEqual), ">=": comparison(.greaterOrEqual),
    "lt": comparison(.less), "<": comparison(.less), "lessthan": comparison(.less),
    "le": comparison(.lessOrEqual), "<=": comparison(.lessOrEqual),
  ]

  /// A test of the value alone.
  private static func unary(
    _ body: @escaping @Sendable (Renderer, Object) throws(TemplateProblem) -> Bool
  ) -> Test {
    { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("test")
      return try body(renderer, value)
    }
  }

  /// A value as text, whose code points are looked at one by one.
  private static func closely(_ value: Object, _ renderer: Renderer) throws(TemplateProblem) -> Text {
    let text = try renderer.text(of: value)
    try renderer.visitClosely(text)
    return text
  }

  /// A test of the value alone that cannot fail.
  private static func plain(_ body: @escaping @Sendable (Object) -> Bool) -> Test {
    unary { (_, value) in body(value) }
  }

  private static func exists(_ name: String) -> Bool { Tests.named(name) != nil }

  private static func comparison(_ operation: Comparison.Operator) -> Test {
    { (renderer, value, arguments) throws(TemplateProblem) in
      let other = try arguments.bind("test", ["other"], required: 1)[0] ?? .none
      return try renderer.compare(operation, value, other)
    }
  }

  private static func remainder(_ renderer: Renderer, _ value: Object, _ divisor: Object, is rest: Int)
    throws(TemplateProblem) -> Bool
  {
    try renderer.equals(try renderer.apply(.mod, value, divisor), .int(rest))
  }

  private static func isSequence(_ value: Object) -> Bool {
    switch value {
    case .string, .list, .tuple, .dict, .range, .undefined: true
    default: false
    }
  }

  private static func isIterable(_ value: Object) -> Bool {
    switch value {
    case .string, .list, .tuple, .dict, .range, .view, .iterator, .undefined, .loop: true
    default: false
    }
  }

  private static func isCallable(_ value: Object) -> Bool {
    switch value {
    case .function, .macro, .loop, .joiner, .undefined: true
    default: false
    }
  }

  private static func isSame(_ left: Object, _ right: Object) -> Bool {
    switch (left, right) {
    case (.none, .none): true
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.double(let a), .double(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a === b
    case (.dict(let a), .dict(let b)): a === b
    case (.namespace(let a), .namespace(let b)): a === b
    case (.macro(let a), .macro(let b)): a === b
    case (.loop(let a), .loop(let b)): a === b
    case (.undefined(let a), .undefined(let b)): a === b
    default: false
    }
  }
}
