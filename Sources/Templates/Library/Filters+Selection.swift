// SPDX-License-Identifier: Apache-2.0
// `map`, `select`, `reject` and their like. They give iterators, which can be taken once.

extension Filters {
  static let selection: [String: Filter] = [
    "map": { (renderer, value, arguments) throws(TemplateProblem) in try map(renderer, value, arguments) },
    "select": { (renderer, value, arguments) throws(TemplateProblem) in
      try choose(renderer, value, arguments, byAttribute: false, keeps: true)
    },
    "reject": { (renderer, value, arguments) throws(TemplateProblem) in
      try choose(renderer, value, arguments, byAttribute: false, keeps: false)
    },
    "selectattr": { (renderer, value, arguments) throws(TemplateProblem) in
      try choose(renderer, value, arguments, byAttribute: true, keeps: true)
    },
    "rejectattr": { (renderer, value, arguments) throws(TemplateProblem) in
      try choose(renderer, value, arguments, byAttribute: true, keeps: false)
    },
  ]

  private static func map(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    guard value.isTrue else { return try renderer.iterator([]) }
    var results: [Object] = []
    if arguments.positional.isEmpty, arguments.named.contains(where: { $0.name == "attribute" }) {
      let values = try arguments.bind("map", ["attribute", "default"])
      let path = AttributePath(values[0], fallback: values[1])
      for item in try renderer.items(of: value) { results.append(try path.value(in: item, renderer)) }
      return try renderer.iterator(results)
    }
    guard let name = arguments.positional.first else { throw .failure("map requires a filter argument") }
    let rest = Arguments(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
    for item in try renderer.items(of: value) {
      try renderer.charge(8)
      results.append(try renderer.applyFilter(name, item, rest))
    }
    return try renderer.iterator(results)
  }

  private static func choose(
    _ renderer: Renderer, _ value: Object, _ arguments: Arguments, byAttribute: Bool, keeps: Bool
  ) throws(TemplateProblem) -> Object {
    guard value.isTrue else { return try renderer.iterator([]) }
    var positional = arguments.positional[...]
    var path = AttributePath(nil)
    if byAttribute {
      guard let attribute = positional.popFirst() else {
        throw .failure("Missing parameter for attribute name")
      }
      path = AttributePath(attribute)
    }
    let test = positional.popFirst()
    let rest = Arguments(positional: Array(positional), named: arguments.named)
    var chosen: [Object] = []
    for item in try renderer.items(of: value) {
      try renderer.charge(8)
      let subject = try path.value(in: item, renderer)
      let passes = if let test { try renderer.applyTest(test, subject, rest) } else { subject.isTrue }
      if passes == keeps { chosen.append(item) }
    }
    return try renderer.iterator(chosen)
  }
}
