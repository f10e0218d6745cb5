// SPDX-License-Identifier: Apache-2.0
// `value.name` and `value[key]`, as the immutable sandbox answers them.

/// A name from the source with what can be known about it beforehand.
struct AttributeName: Sendable {
  let string: String
  let text: Text
  let textMethod: TextMethod?
  let dictMethod: DictMethod?
  let loopAttribute: LoopAttribute?
  /// The answer for a dictionary that lacks the key; it is by far the most frequent miss.
  private let missingInDict: Undefined

  init(_ name: String) {
    string = name
    text = Text(name)
    textMethod = TextMethod(rawValue: name)
    dictMethod = DictMethod(rawValue: name)
    loopAttribute = LoopAttribute(rawValue: name)
    missingInDict = Undefined(.attribute(of: "dict object", name: name))
  }

  func missing(in object: Object) -> Object {
    if case .dict = object { return .undefined(missingInDict) }
    return .undefined(Undefined(.attribute(of: object.described, name: string)))
  }

  func unsafe(in object: Object) -> Object {
    .undefined(Undefined(.unsafe(attribute: string, type: object.typeName)))
  }
}

extension Renderer {
  /// `object.name`: an attribute, or else an item.
  func attribute(_ name: AttributeName, of object: Object) throws(TemplateProblem) -> Object {
    switch object {
    case .dict(let dict):
      if name.dictMethod == nil, !Attributes.isHidden(name.string, in: object) {
        return dict[name.text] ?? name.missing(in: object)
      }
    case .loop(let loop):
      if let attribute = name.loopAttribute { return try value(of: attribute, in: loop) }
    case .undefined(let undefined): throw undefined.problem
    default: break
    }
    try charge(8)
    if let value = try Attributes.value(name, of: object) { return value }
    if Attributes.isHidden(name.string, in: object) { return name.unsafe(in: object) }
    return name.missing(in: object)
  }

  /// `object['name']`: an item, or else an attribute.
  func item(_ name: AttributeName, of object: Object) throws(TemplateProblem) -> Object {
    switch object {
    case .dict(let dict): if let value = dict[name.text] { return value }
    case .undefined(let undefined): throw undefined.problem
    default: break
    }
    return try attribute(name, of: object)
  }

  /// `object[key]`.
  func item(of object: Object, _ key: Object) throws(TemplateProblem) -> Object {
    try seek(key)
    if case .string(let text) = key { return try item(AttributeName(text.string), of: object) }
    switch object {
    case .dict(let dict):
      if (try? Key(key)) != nil, let value = try dict.value(of: key) { return value }
    case .list(let list), .tuple(let list):
      if let index = key.intValue, let place = Slice.place(index, in: list.items.count) { return list.items[place] }
    case .string(let text):
      if let index = key.intValue, let place = Slice.place(index, in: text.count) {
        if !text.isASCII { try visit(text) }
        return .string(text.slice(place..<place + 1))
      }
    case .range(let range):
      if let index = key.intValue, let place = Slice.place(index, in: range.count) { return .int(range[place]) }
    case .undefined(let undefined): throw undefined.problem
    default: break
    }
    return .undefined(Undefined(.element(of: object.described, key: try representation(of: key).string)))
  }

  func value(of attribute: LoopAttribute, in loop: LoopObject) throws(TemplateProblem) -> Object {
    switch attribute {
    case .index: .int(loop.index0 + 1)
    case .index0: .int(loop.index0)
    case .revindex: .int(try loop.length() - loop.index0)
    case .revindex0: .int(try loop.length() - loop.index0 - 1)
    case .first: .bool(loop.index0 == 0)
    case .last: .bool(try loop.peek() == nil)
    case .length: .int(try loop.length())
    case .depth: .int(loop.depth0 + 1)
    case .depth0: .int(loop.depth0)
    case .previtem: loop.previousItem ?? .undefined(hint: "there is no previous item")
    case .nextitem: try loop.peek() ?? .undefined(hint: "there is no next item")
    case .cycle:
      .function(
        FunctionObject("cycle", typeName: "method") { (_, arguments) throws(TemplateProblem) in
          guard !arguments.positional.isEmpty else { throw .failure("no items for cycling given") }
          return arguments.positional[loop.index0 % arguments.positional.count]
        })
    case .changed:
      .function(
        FunctionObject("changed", typeName: "method") { (renderer, arguments) throws(TemplateProblem) in
          .bool(try loop.changed(arguments.positional, renderer))
        })
    }
  }
}

/// What `loop` offers.
enum LoopAttribute: String, Sendable {
  case index, index0, revindex, revindex0, first, last, length, depth, depth0, previtem, nextitem, cycle, changed
}

/// Attributes of all types but dictionaries' items and loops.
enum Attributes {
  /// The value of an attribute the sandbox lets through; nil when there is none.
  static func value(_ name: AttributeName, of object: Object) throws(TemplateProblem) -> Object? {
    switch object {
    case .string(let text):
      guard let method = name.textMethod else { return nil }
      return .function(
        try FunctionObject(name.string, of: object) { (renderer, arguments) throws(TemplateProblem) in
          try renderer.call(method, on: text, arguments)
        })
    case .dict(let dict):
      guard let method = name.dictMethod else { return nil }
      return .function(
        try FunctionObject(name.string, of: object) { (renderer, arguments) throws(TemplateProblem) in
          try renderer.call(method, on: dict, arguments)
        })
    case .list(let list), .tuple(let list):
      if list.isGroup, name.string == "grouper" { return list.items[0] }
      if list.isGroup, name.string == "list" { return list.items[1] }
      return try ListMethods.method(name.string, of: object, list.items)
    case .namespace(let namespace): return namespace[name.text]
    case .cycler(let cycler): return cyclerAttribute(name.string, cycler)
    case .joiner(let joiner):
      return name.string == "sep" ? .string(joiner.separator) : name.string == "used" ? .bool(joiner.isUsed) : nil
    case .macro(let macro): return macroAttribute(name.string, macro.code)
    case .range(let range):
      return switch name.string {
      case "start": .int(range.start)
      case "stop": .int(range.stop)
      case "step": .int(range.step)
      case "index", "count": try ListMethods.method(name.string, of: object, range.items)
      default: nil
      }
    case .int, .big, .bool, .double: return try NumberAttributes.value(name.string, of: object)
    case .function(let function):
      guard function.name == "dict", name.string == "fromkeys" else { return nil }
      return .function(
        FunctionObject("fromkeys") { (renderer, arguments) throws(TemplateProblem) in
          try Functions.fromKeys(renderer, arguments)
        })
    case .undefined, .none, .view, .iterator, .loop: return nil
    }
  }

  private static func cyclerAttribute(_ name: String, _ cycler: CyclerObject) -> Object? {
    switch name {
    case "current": cycler.current
    case "pos": .int(cycler.position)
    case "items": .tuple(cycler.items)
    case "next", "reset":
      .function(
        FunctionObject(name, typeName: "method") { (_, arguments) throws(TemplateProblem) in
          try arguments.expectNone(name)
          if name == "next" { return cycler.next() }
          cycler.position = 0
          return .none
        })
    default: nil
    }
  }

  private static func macroAttribute(_ name: String, _ code: MacroCode) -> Object? {
    switch name {
    case "name": code.name.map { .string($0) } ?? Object.none
    case "arguments": (try? ListObject(code.parameters.map { .string($0.name) })).map { .tuple($0) }
    case "catch_kwargs": .bool(code.keywordsSlot != nil)
    case "catch_varargs": .bool(code.extrasSlot != nil)
    case "caller": .bool(code.callerSlot != nil)
    case "explicit_caller": .bool(code.parameters.contains { $0.name == "caller" })
    default: nil
    }
  }

  /// Whether Python has the attribute and the sandbox hides it: methods that change their object,
  /// and everything internal.
  static func isHidden(_ name: String, in object: Object) -> Bool {
    if name.utf8.first == UInt8(ascii: "_") {
      if case .namespace = object { return name == "__class__" || name == "_Namespace__attrs" }
      return name.hasPrefix("__") && name.hasSuffix("__") && internalNames.contains(name)
    }
    switch object {
    case .list: return ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"].contains(name)
    case .dict: return ["clear", "pop", "popitem", "setdefault", "update"].contains(name)
    default: return false
    }
  }

  /// The internal attributes every Python object has, and those of containers.
  private static let internalNames: Set<String> = [
    "__class__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__", "__ge__",
    "__getattribute__", "__getstate__", "__gt__", "__hash__", "__init__", "__init_subclass__", "__le__",
    "__lt__", "__ne__", "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setattr__",
    "__sizeof__", "__str__", "__subclasshook__", "__add__", "__mul__", "__rmul__", "__mod__", "__len__",
    "__contains__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__reversed__",
    "__class_getitem__", "__or__", "__call__", "__globals__", "__code__", "__self__", "__module__",
    "__dict__", "__name__", "__qualname__",
  ]
}

/// Attributes of numbers.
enum NumberAttributes {
  static func value(_ name: String, of object: Object) throws(TemplateProblem) -> Object? {
    func method(_ result: @escaping @Sendable () -> Object) throws(TemplateProblem) -> Object {
      .function(
        try FunctionObject(name, of: object) { (_, arguments) throws(TemplateProblem) in
          try arguments.expectNone(name)
          return result()
        })
    }
    if case .double(let value) = object {
      return switch name {
      case "real": object
      case "imag": .double(0)
      case "is_integer": try method { .bool(value.isFinite && value.rounded() == value) }
      case "conjugate": try method { .double(value) }
      default: nil
      }
    }
    guard let value = object.wholeValue else { return nil }
    return switch name {
    case "real", "numerator": .integer(value)
    case "imag": .int(0)
    case "denominator": .int(1)
    case "conjugate": try method { .integer(value) }
    case "bit_length": try method { .int(value.bitLength) }
    case "bit_count": try method { .int(value.bitCount) }
    default: nil
    }
  }
}
