// SPDX-License-Identifier: Apache-2.0
// The table of filters: jinja2's, with transformers' `tojson`. Left out is `urlize`, which makes
// web pages.

/// Filters by name.
enum Filters {
  typealias Filter = @Sendable (Renderer, Object, Arguments) throws(TemplateProblem) -> Object

  static func named(_ name: String) -> Filter? { table[name] }

  private static let table: [String: Filter] = {
    var table: [String: Filter] = [:]
    for part in [text, markup, numbers, sequences, selection, ordering, values] {
      table.merge(part) { first, _ in first }
    }
    return table
  }()

  /// Filters on any value.
  private static let values: [String: Filter] = [
    "default": fallback, "d": fallback,
    "length": length, "count": length,
    "string": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("string")
      return .string(try renderer.text(of: value))
    },
    "pprint": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("pprint")
      return try renderer.string(try PrettyText.text(of: value, renderer))
    },
    "tojson": json,
    "attr": { (renderer, value, arguments) throws(TemplateProblem) in
      let argument = try arguments.bind("attr", ["name"], required: 1)[0] ?? .none
      try renderer.seek(argument)
      try renderer.charge(16)
      let name = AttributeName(try argument.text("attr").string)
      if case .undefined(let undefined) = value { throw undefined.problem }
      if case .dict = value, name.dictMethod == nil, !Attributes.isHidden(name.string, in: value) {
        return name.missing(in: value)
      }
      return try renderer.attribute(name, of: value)
    },
  ]

  private static let fallback: Filter = { (renderer, value, arguments) throws(TemplateProblem) in
    let values = try arguments.bind("default", ["default_value", "boolean"])
    let applies = value.isUndefined || (values[1].isTrue(or: false) && !value.isTrue)
    return applies ? values[0] ?? .string(Text.empty) : value
  }

  private static let length: Filter = { (renderer, value, arguments) throws(TemplateProblem) in
    try arguments.expectNone("length")
    guard let length = try renderer.length(of: value) else {
      throw .failure("object of type '\(value.typeName)' has no len()")
    }
    return .int(length)
  }

  private static let json: Filter = { (renderer, value, arguments) throws(TemplateProblem) in
    var style = JSONText.Style(itemSeparator: ", ")
    if !arguments.isEmpty {
      let values = try arguments.bind("tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])
      style.escapesNonASCII = values[0].isTrue(or: false)
      style.sortsKeys = values[3].isTrue(or: false)
      if let indent = values[1], !values[1].isAbsent {
        style.itemSeparator = ","
        style.indent =
          if case .string(let text) = indent { text } else { try renderer.repeated(" ", try indent.integer()) }
        try renderer.charge(style.indent?.bytes.count ?? 0)
      }
      if let separators = values[2], !values[2].isAbsent {
        let pair = try renderer.unpack(separators, count: 2)
        style.itemSeparator = try pair[0].text("separators")
        style.keySeparator = try pair[1].text("separators")
      }
    }
    return .string(try JSONText.text(of: value, style: style, renderer: renderer))
  }
}

extension Renderer {
  /// Applies a filter named at run time, as `map` does.
  func applyFilter(_ name: Object, _ value: Object, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    try seek(name)
    let name = try name.text("filter name").string
    guard let filter = Filters.named(name) else { throw .failure("No filter named '\(name)'.") }
    return try filter(self, value, arguments)
  }

  /// Applies a test named at run time.
  func applyTest(_ name: Object, _ value: Object, _ arguments: Arguments) throws(TemplateProblem) -> Bool {
    try seek(name)
    let name = try name.text("test name").string
    guard let test = Tests.named(name) else { throw .failure("No test named '\(name)'.") }
    return try test(self, value, arguments)
  }
}
