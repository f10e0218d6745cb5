// SPDX-License-Identifier: Apache-2.0
// The tests of `is`: all of jinja2's.

/// Tests by name.
enum Tests {
  typealias Test = @Sendable (Renderer, Object, Arguments) throws(TemplateProblem) -> Bool

  static func named(_ name: String) -> Test? { table[name] }

  private static let table: [String: Test] = [
    "defined": { (_, value, _) in !value.isUndefined },
    "undefined": { (_, value, _) in value.isUndefined },
    "none": { (_, value, _) in if case .none = value { true } else { false } },
    "boolean": { (_, value, _) in if case .bool = value { true } else { false } },
    "true": { (_, value, _) in if case .bool(true) = value { true } else { false } },
    "false": { (_, value, _) in if case .bool(false) = value { true } else { false } },
    "integer": { (_, value, _) in if case .int = value { true } else { false } },
    "float": { (_, value, _) in if case .double = value { true } else { false } },
    "number": { (_, value, _) in value.doubleValue != nil },
    "string": { (_, value, _) in if case .string = value { true } else { false } },
    "mapping": { (_, value, _) in if case .dict = value { true } else { false } },
    "sequence": { (_, value, _) in isSequence(value) },
    "iterable": { (_, value, _) in isIterable(value) },
    "callable": { (_, value, _) in isCallable(value) },
    "escaped": { (_, value, _) in value.textValue?.isMarkup ?? false },
    "lower": { (renderer, value, _) throws(TemplateProblem) in try renderer.text(of: value).isLower },
    "upper": { (renderer, value, _) throws(TemplateProblem) in try renderer.text(of: value).isUpper },
    "odd": { (renderer, value, _) throws(TemplateProblem) in try remainder(renderer, value, .int(2), is: 1) },
    "even": { (renderer, value, _) throws(TemplateProblem) in try remainder(renderer, value, .int(2), is: 0) },
    "divisibleby": { (renderer, value, arguments) throws(TemplateProblem) in
      let divisor = try arguments.bind("divisibleby", ["num"], required: 1)[0] ?? .none
      return try remainder(renderer, value, divisor, is: 0)
    },
    "filter": { (_, value, _) in value.textValue.map { Filters.named($0.string) != nil } ?? false },
    "test": { (_, value, _) in value.textValue.map { exists($0.string) } ?? false },
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
