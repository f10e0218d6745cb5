// SPDX-License-Identifier: Apache-2.0
// Filters on HTML and URLs.

extension Filters {
  static let markup: [String: Filter] = [
    "escape": escape, "e": escape,
    "forceescape": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("forceescape")
      return try renderer.string(HTML.escaped(try visited(value, renderer).marked(false)))
    },
    "safe": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("safe")
      return .string(try renderer.text(of: value).marked(true))
    },
    "striptags": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("striptags")
      let text = try visited(value, renderer)
      try renderer.charge(2 * text.count)
      return try renderer.string(HTML.withoutTags(text).marked(false))
    },
    "urlencode": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("urlencode")
      return try urlencode(renderer, value)
    },
    "xmlattr": { (renderer, value, arguments) throws(TemplateProblem) in
      try xmlAttributes(renderer, value, arguments)
    },
  ]

  private static let escape: Filter = { (renderer, value, arguments) throws(TemplateProblem) in
    try arguments.expectNone("escape")
    return try renderer.string(HTML.escaped(try visited(value, renderer)))
  }

  private static func urlencode(_ renderer: Renderer, _ value: Object) throws(TemplateProblem) -> Object {
    let pairs: [Object]
    switch value {
    case .dict(let dict): pairs = try dict.pairs()
    case .list, .tuple, .view, .iterator, .range, .undefined: pairs = try renderer.items(of: value)
    default:
      let text = try visited(value, renderer)
      try renderer.charge(4 * text.count)
      return try renderer.string(HTML.urlQuoted(text, inQuery: false))
    }
    var parts: [Text] = []
    for pair in pairs {
      let items = try renderer.unpack(pair, count: 2)
      var buffer = TextBuffer()
      buffer.append(HTML.urlQuoted(try visited(items[0], renderer), inQuery: true))
      buffer.append("=")
      buffer.append(HTML.urlQuoted(try visited(items[1], renderer), inQuery: true))
      parts.append(buffer.text)
    }
    return try renderer.string(try renderer.joined(parts, "&"))
  }

  private static func xmlAttributes(_ renderer: Renderer, _ value: Object, _ arguments: Arguments)
    throws(TemplateProblem) -> Object
  {
    let addsSpace = try arguments.bind("xmlattr", ["autospace"])[0].isTrue(or: true)
    guard case .dict(let dict) = value else { throw .failure("xmlattr needs a mapping, not \(value.typeName)") }
    var parts: [Text] = []
    for (key, value) in dict.entries {
      if case .none = value { continue }
      if value.isUndefined { continue }
      let name = try key.text("xmlattr")
      guard !name.bytes.contains(where: { [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0x2F, 0x3D, 0x3E].contains($0) }) else {
        throw .failure("Invalid character in attribute name: \(try renderer.representation(of: key).string)")
      }
      let shown = HTML.escaped(try visited(value, renderer))
      parts.append(try renderer.joined([HTML.escaped(name), "=\"", shown, "\""], .empty))
    }
    let joined = try renderer.joined(parts, " ")
    let text = addsSpace && !joined.isEmpty ? try renderer.joined([" ", joined], .empty) : joined
    return try renderer.string(text.marked(renderer.escapesOutput))
  }
}
