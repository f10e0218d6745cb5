// SPDX-License-Identifier: Apache-2.0
// Filters that take sequences apart and put them together.

extension Filters {
  static let sequences: [String: Filter] = [
    "list": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("list")
      return try renderer.list(try renderer.items(of: value))
    },
    "items": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("items")
      switch value {
      case .undefined: return try renderer.iterator([])
      case .dict(let dict):
        try renderer.allocateItems(dict.keys.count * 4)
        return try renderer.iterator(try dict.pairs())
      default: throw .failure("Can only get item pairs from a mapping.")
      }
    },
    "first": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("first")
      if case .iterator(let iterator) = value, let first = iterator.next() { return first }
      return try renderer.items(of: value).first ?? .undefined(hint: "No first item, sequence was empty.")
    },
    "last": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("last")
      if case .iterator = value { throw .failure("'\(value.typeName)' object is not reversible") }
      return try renderer.items(of: value).last ?? .undefined(hint: "No last item, sequence was empty.")
    },
    "random": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("random")
      guard try renderer.length(of: value) != nil else {
        throw .failure("object of type '\(value.typeName)' has no len()")
      }
      return try renderer.items(of: value).randomElement()
        ?? .undefined(hint: "No random item, sequence was empty.")
    },
    "reverse": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("reverse")
      switch value {
      case .string(let text):
        try renderer.visit(text)
        return try renderer.string(text.reversed())
      case .iterator(let iterator): return try renderer.list(iterator.rest().reversed())
      default:
        let name = value.typeName == "list" ? "list_reverseiterator" : "reversed"
        return try renderer.iterator(try renderer.items(of: value).reversed(), typeName: name)
      }
    },
    "join": { (renderer, value, arguments) throws(TemplateProblem) in try join(renderer, value, arguments) },
    "batch": { (renderer, value, arguments) throws(TemplateProblem) in try batch(renderer, value, arguments) },
    "slice": { (renderer, value, arguments) throws(TemplateProblem) in try slice(renderer, value, arguments) },
    "sum": { (renderer, value, arguments) throws(TemplateProblem) in
      let values = try arguments.bind("sum", ["attribute", "start"])
      let attribute = AttributePath(values[0])
      var total = values[1] ?? .int(0)
      if case .string = total { throw .failure("sum() can't sum strings [use ''.join(seq) instead]") }
      for item in try renderer.items(of: value) {
        total = try renderer.add(total, try attribute.value(in: item, renderer))
      }
      return total
    },
  ]

  private static func join(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("join", ["d", "attribute"])
    let attribute = AttributePath(values[1])
    let separator = try renderer.text(of: values[0] ?? .string(Text.empty))
    var texts: [Text] = []
    var isMarkup = false
    for item in try renderer.items(of: value) {
      try renderer.allocate(32)
      let text = try renderer.text(of: try attribute.value(in: item, renderer))
      isMarkup = isMarkup || text.isMarkup
      texts.append(text)
    }
    guard renderer.escapesOutput, isMarkup || separator.isMarkup else {
      return try renderer.string(try renderer.joined(texts, separator))
    }
    let joined = try renderer.joined(texts.map(HTML.escaped), HTML.escaped(separator))
    return try renderer.string(joined.marked(true))
  }

  private static func batch(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("batch", ["linecount", "fill_with"], required: 1)
    let size = try values[0].integer(or: 0)
    var rows: [Object] = []
    var row: [Object] = []
    for item in try renderer.items(of: value) {
      if row.count == size {
        rows.append(try renderer.list(row))
        row = []
      }
      row.append(item)
    }
    if !row.isEmpty {
      if let fill = values[1], !values[1].isAbsent, row.count < size {
        try renderer.allocateItems(min(size - row.count, renderer.limits.memory))
        while row.count < size { row.append(fill) }
      }
      rows.append(try renderer.list(row))
    }
    return try renderer.iterator(rows)
  }

  private static func slice(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("slice", ["slices", "fill_with"], required: 1)
    let count = try values[0].integer(or: 0)
    let items = try renderer.items(of: value)
    guard count != 0 else { throw .failure("integer division or modulo by zero") }
    guard count > 0 else { return try renderer.iterator([]) }
    try renderer.charge(count)
    let (size, extra) = (items.count / count, items.count % count)
    var slices: [Object] = []
    var start = 0
    for number in 0..<count {
      let end = start + size + (number < extra ? 1 : 0)
      var slice = Array(items[start..<end])
      if let fill = values[1], !values[1].isAbsent, number >= extra { slice.append(fill) }
      slices.append(try renderer.list(slice))
      start = end
    }
    return try renderer.iterator(slices)
  }
}

/// A path such as `function.name` or `0.1`, which filters take as `attribute`.
struct AttributePath {
  private enum Part {
    case index(Int)
    case name(AttributeName)
    case key(Object)
  }

  private let parts: [Part]
  /// What stands for a missing value, unless nothing does.
  private let fallback: Object?

  init(_ attribute: Object?, fallback: Object? = nil) {
    switch attribute {
    case nil, .some(.none): parts = []
    case .some(.string(let text)): parts = AttributePath.parts(text)
    case .some(let key): parts = [.key(key)]
    }
    self.fallback = fallback.isAbsent ? nil : fallback
  }

  /// Several paths separated by commas, as `sort` takes them.
  static func list(_ attribute: Object?) -> [AttributePath] {
    guard case .string(let text)? = attribute else { return [AttributePath(attribute)] }
    return text.split(on: ",", atMost: .max).map { AttributePath(.string($0)) }
  }

  private static func parts(_ text: Text) -> [Part] {
    text.split(on: ".", atMost: .max).map { part in
      if part.all(CodePoint.isDigit), let index = Int(part.string) { return .index(index) }
      return .name(AttributeName(part.string))
    }
  }

  func value(in object: Object, _ renderer: Renderer) throws(TemplateProblem) -> Object {
    var value = object
    for part in parts {
      try renderer.charge(2)
      switch part {
      case .index(let index): value = try renderer.item(of: value, .int(index))
      case .name(let name):
        try renderer.charge(name.text.bytes.count >> 3)
        value = try renderer.item(name, of: value)
      case .key(let key): value = try renderer.item(of: value, key)
      }
      if value.isUndefined, let fallback { value = fallback }
    }
    return value
  }
}
