// SPDX-License-Identifier: Apache-2.0
// The methods of dictionaries, lists and tuples that change nothing.

/// The methods of dictionaries.
enum DictMethod: String, Sendable {
  case get, items, keys, values, copy, fromkeys
}

extension Renderer {
  func call(_ method: DictMethod, on dict: DictObject, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    switch method {
    case .get:
      let values = try arguments.bind("get", ["key", "default"], required: 1)
      try seek(values[0] ?? .none)
      return try dict.value(of: values[0] ?? .none) ?? values[1] ?? .none
    case .items:
      try arguments.expectNone("items")
      return .view(ViewObject(.items, of: dict))
    case .keys:
      try arguments.expectNone("keys")
      return .view(ViewObject(.keys, of: dict))
    case .values:
      try arguments.expectNone("values")
      return .view(ViewObject(.values, of: dict))
    case .copy:
      try arguments.expectNone("copy")
      return .dict(dict)
    case .fromkeys: return try Functions.fromKeys(self, arguments)
    }
  }
}

/// The methods of lists, tuples and ranges.
enum ListMethods {
  /// A method bound to its items; nil when there is none of the name.
  static func method(_ name: String, of object: Object, _ items: [Object]) throws(TemplateProblem) -> Object? {
    switch name {
    case "count":
      .function(
        try FunctionObject(name, of: object) { (renderer, arguments) throws(TemplateProblem) in
          let value = try arguments.bind(name, ["value"], required: 1)[0] ?? .none
          try renderer.charge(items.count)
          var count = 0
          for item in items where try renderer.equals(item, value) { count += 1 }
          return .int(count)
        })
    case "index":
      .function(
        try FunctionObject(name, of: object) { (renderer, arguments) throws(TemplateProblem) in
          try index(items, of: object, renderer, arguments)
        })
    case "copy": try copy(object)
    default: nil
    }
  }

  private static func index(
    _ items: [Object], of object: Object, _ renderer: Renderer, _ arguments: Arguments
  ) throws(TemplateProblem) -> Object {
    let values = try arguments.bind("index", ["value", "start", "stop"], required: 1)
    func place(_ index: Int) -> Int { min(max(index < 0 ? index + items.count : index, 0), items.count) }
    let start = place(try values[1].integer(or: 0))
    let stop = place(try values[2].integer(or: items.count))
    try renderer.charge(items.count)
    if start < stop {
      for index in start..<stop where try renderer.equals(items[index], values[0] ?? .none) { return .int(index) }
    }
    throw .failure("\(try renderer.representation(of: values[0] ?? .none).string) is not in \(object.typeName)")
  }

  /// Lists never change, so a copy is the list itself. Tuples and ranges have no such method.
  private static func copy(_ object: Object) throws(TemplateProblem) -> Object? {
    guard case .list = object else { return nil }
    return .function(
      try FunctionObject("copy", of: object) { (_, arguments) throws(TemplateProblem) in
        try arguments.expectNone("copy")
        return object
      })
  }
}
