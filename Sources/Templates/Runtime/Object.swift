// SPDX-License-Identifier: Apache-2.0
// A value while a template runs: Python's objects, as far as the sandbox shows them. Lists and
// dictionaries never change, because the immutable sandbox refuses every method that would.

/// Any value of a running template.
enum Object {
  case undefined(Undefined)
  case none
  case bool(Bool)
  case int(Int)
  /// An integer that is no `Int`.
  case big(BigInteger)
  case double(Double)
  case string(Text)
  case list(ListObject)
  case tuple(ListObject)
  case dict(DictObject)
  case range(RangeObject)
  case view(ViewObject)
  case iterator(IteratorObject)
  case namespace(NamespaceObject)
  case loop(LoopObject)
  case macro(MacroObject)
  case function(FunctionObject)
  case cycler(CyclerObject)
  case joiner(JoinerObject)
}

extension Object {
  static func string(_ string: String) -> Object { .string(Text(string)) }

  /// A missing value that says something of its own when used.
  static func undefined(hint: String) -> Object { .undefined(Undefined(.hint(hint))) }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  /// Text, when this is a string.
  var textValue: Text? { if case .string(let text) = self { text } else { nil } }

  /// The number, when this is an integer of a machine word; `true` and `false` are 1 and 0 as in Python.
  var intValue: Int? {
    switch self {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  /// An integer in the form that fits it.
  static func integer(_ value: BigInteger) -> Object { value.small.map { .int($0) } ?? .big(value) }

  /// The number, when this is an integer of any size.
  var wholeValue: BigInteger? { if case .big(let value) = self { value } else { intValue.map { BigInteger($0) } } }

  /// The number as a double, when this is a number; infinite for integers too large.
  var doubleValue: Double? {
    switch self {
    case .double(let value): value
    case .big(let value): value.double
    default: intValue.map(Double.init)
    }
  }

  /// Python's name of the type.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .int, .big: "int"
    case .double: "float"
    case .string(let text): text.isMarkup ? "Markup" : "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dict: "dict"
    case .range: "range"
    case .view(let view): view.kind.rawValue
    case .iterator(let iterator): iterator.typeName
    case .namespace: "Namespace"
    case .loop: "LoopContext"
    case .macro: "Macro"
    case .function(let function): function.typeName
    case .cycler: "Cycler"
    case .joiner: "Joiner"
    }
  }

  /// How messages about missing attributes call the object.
  var described: String {
    switch self {
    case .none: "None"
    case .string(let text) where text.isMarkup: "markupsafe.Markup object"
    case .undefined, .loop, .macro: "jinja2.runtime.\(typeName) object"
    case .namespace, .cycler, .joiner: "jinja2.utils.\(typeName) object"
    default: "\(typeName) object"
    }
  }

  /// Python's truth value.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .int(let value): value != 0
    case .big: true
    case .double(let value): value != 0
    case .string(let text): !text.isEmpty
    case .list(let list), .tuple(let list): !list.items.isEmpty
    case .dict(let dict): !dict.keys.isEmpty
    case .range(let range): range.count != 0
    case .view(let view): !view.dict.keys.isEmpty
    case .iterator, .namespace, .loop, .macro, .function, .cycler, .joiner: true
    }
  }

  /// How deep lists and dictionaries nest in the object. Namespaces, loops and macros count
  /// nothing: the renderer keeps and finally empties them, so nothing is freed through them.
  var depth: Int {
    switch self {
    case .list(let list), .tuple(let list): list.depth
    case .dict(let dict): dict.depth
    case .view(let view): view.dict.depth
    case .iterator(let iterator): iterator.depth
    case .function(let function): function.depth
    case .cycler(let cycler): cycler.items.depth + 1
    default: 0
    }
  }
}

/// A missing value. It prints as nothing; most other uses raise an error that says what is missing.
final class Undefined: Sendable {
  /// Why the value is missing.
  enum Reason: Sendable {
    case name(String)
    case attribute(of: String, name: String)
    case element(of: String, key: String)
    case hint(String)
    case unsafe(attribute: String, type: String)
  }

  let reason: Reason

  init(_ reason: Reason) { self.reason = reason }

  /// The error for using the value.
  var problem: TemplateProblem {
    switch reason {
    case .name(let name): .undefined(message: "'\(name)' is undefined", line: 0)
    case .attribute(let type, let name): .undefined(message: "'\(type)' has no attribute '\(name)'", line: 0)
    case .element(let type, let key): .undefined(message: "\(type) has no element \(key)", line: 0)
    case .hint(let hint): .undefined(message: hint, line: 0)
    case .unsafe(let attribute, let type):
      .security(message: "access to attribute '\(attribute)' of '\(type)' object is unsafe.", line: 0)
    }
  }
}
