// SPDX-License-Identifier: Apache-2.0
// Filters on text.

extension Filters {
  static let text: [String: Filter] = [
    "upper": { (renderer, value, arguments) throws(TemplateProblem) in
      try changed("upper", renderer, value, arguments, isQuick: true) { $0.uppercased() }
    },
    "lower": { (renderer, value, arguments) throws(TemplateProblem) in
      try changed("lower", renderer, value, arguments, isQuick: true) { $0.lowercased() }
    },
    "capitalize": { (renderer, value, arguments) throws(TemplateProblem) in
      try changed("capitalize", renderer, value, arguments) { $0.capitalized() }
    },
    "title": { (renderer, value, arguments) throws(TemplateProblem) in
      try renderer.charge(4 * (value.textValue?.count ?? 0))
      return try changed("title", renderer, value, arguments) { title($0) }
    },
    "wordcount": { (renderer, value, arguments) throws(TemplateProblem) in
      try arguments.expectNone("wordcount")
      let text = try visited(value, renderer)
      try renderer.charge(2 * text.count)
      var count = 0
      var inWord = false
      for scalar in text.string.unicodeScalars {
        let isWord = CodePoint.isWord(scalar)
        if isWord, !inWord { count += 1 }
        inWord = isWord
      }
      return .int(count)
    },
    "trim": { (renderer, value, arguments) throws(TemplateProblem) in
      let text = try visited(value, renderer)
      if arguments.isEmpty { return try renderer.string(text.trimmed()) }
      let argument = try arguments.bind("trim", ["chars"])[0]
      let characters = argument.isAbsent ? nil : try argument?.text("strip")
      try renderer.visitSet(characters, over: text)
      return try renderer.string(text.trimmed(of: characters))
    },
    "center": { (renderer, value, arguments) throws(TemplateProblem) in
      let width = try arguments.bind("center", ["width"])[0].integer(or: 80)
      return try renderer.string(try renderer.padded(try visited(value, renderer), width, " ", .center))
    },
    "replace": { (renderer, value, arguments) throws(TemplateProblem) in
      let values = try arguments.bind("replace", ["old", "new", "count"], required: 2)
      let text = try visited(value, renderer).marked(false)
      let old = try renderer.text(of: values[0] ?? .none)
      let new = try renderer.text(of: values[1] ?? .none)
      let limit = try values[2].integer(or: -1)
      return try renderer.string(try renderer.replaced(text, old, new, limit))
    },
    "indent": { (renderer, value, arguments) throws(TemplateProblem) in try indent(renderer, value, arguments) },
    "truncate": { (renderer, value, arguments) throws(TemplateProblem) in try truncate(renderer, value, arguments) },
    "wordwrap": { (renderer, value, arguments) throws(TemplateProblem) in try wrap(renderer, value, arguments) },
    "format": { (renderer, value, arguments) throws(TemplateProblem) in
      guard arguments.positional.isEmpty || arguments.named.isEmpty else {
        throw .failure("can't handle positional and keyword arguments at the same time")
      }
      let values =
        arguments.named.isEmpty
        ? try renderer.tuple(arguments.positional)
        : try renderer.dict(arguments.named.map { (key: .string($0.name), value: $0.value) })
      return try renderer.string(try PercentFormat.format(try renderer.text(of: value), values, renderer))
    },
  ]

  /// The value as text, its length counted as work.
  static func visited(_ value: Object, _ renderer: Renderer) throws(TemplateProblem) -> Text {
    let text = try renderer.text(of: value)
    try renderer.visit(text)
    return text
  }

  /// The text of a value that must be a string.
  static func required(_ value: Object, _ renderer: Renderer) throws(TemplateProblem) -> Text {
    guard case .string(let text) = value else {
      if case .undefined(let undefined) = value { throw undefined.problem }
      throw .failure("expected a string, got \(value.typeName)")
    }
    try renderer.visit(text)
    return text
  }

  private static func changed(
    _ name: String, _ renderer: Renderer, _ value: Object, _ arguments: Arguments, isQuick: Bool = false,
    _ change: (Text) -> Text
  ) throws(TemplateProblem) -> Object {
    try arguments.expectNone(name)
    let text = try renderer.text(of: value)
    if isQuick { try renderer.visitLetters(text) } else { try renderer.visitClosely(text) }
    return try renderer.string(change(text))
  }

  /// Capitals after white space, hyphens and opening brackets only, unlike `str.title`.
  private static func title(_ text: Text) -> Text {
    var buffer = TextBuffer()
    var word = 0
    var offset = 0
    func flush(_ end: Int) {
      guard word < end else { return }
      let first = text.scalar(at: word).length
      buffer.append(text.part(word..<word + first).uppercased())
      buffer.append(text.part(word + first..<end).lowercased())
    }
    while offset < text.bytes.count {
      let (value, length) = text.scalar(at: offset)
      let separates = CodePoint.isSpace(value) || [0x2D, 0x28, 0x7B, 0x5B, 0x3C].contains(value)
      if separates {
        flush(offset)
        buffer.append(text.part(offset..<offset + length))
        word = offset + length
      }
      offset += length
    }
    flush(text.bytes.count)
    return buffer.text.marked(text.isMarkup)
  }

  private static func indent(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("indent", ["width", "first", "blank"])
    let text = try required(value, renderer)
    let indentation: Text
    switch values[0] {
    case nil: indentation = "    "
    case .some(.string(let given)): indentation = given
    case .some(let width): indentation = try renderer.repeated(" ", try width.integer())
    }
    let indentsBlank = values[2].isTrue(or: false)
    var lines: [Text] = []
    // One more newline, so that a last line that is empty counts as a line.
    for (index, line) in Text(bytes: text.bytes + [0x0A], count: text.count + 1).lines().enumerated() {
      let isIndented = index == 0 ? values[1].isTrue(or: false) : indentsBlank || !line.isEmpty
      if isIndented { lines.append(indentation) }
      try renderer.allocate(isIndented ? indentation.bytes.count + 32 : 32)
      lines.append(line)
      lines.append("\n")
    }
    lines.removeLast()
    return try renderer.string(try renderer.joined(lines, .empty).marked(text.isMarkup))
  }

  private static func truncate(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("truncate", ["length", "killwords", "end", "leeway"])
    let length = try values[0].integer(or: 255)
    let end = try values[2]?.text("truncate") ?? "..."
    let leeway = try values[3].integer(or: 5)
    guard length >= end.count else { throw .failure("expected length >= \(end.count), got \(length)") }
    guard leeway >= 0 else { throw .failure("expected leeway >= 0, got \(leeway)") }
    let (most, overflow) = length.addingReportingOverflow(leeway)
    guard let count = try renderer.length(of: value) else {
      throw .failure("object of type '\(value.typeName)' has no len()")
    }
    if overflow || count <= most { return value }
    let text = try required(value, renderer)
    try renderer.charge(text.isASCII ? text.count >> 3 : 3 * text.count)
    var kept = text.slice(0..<length - end.count)
    if !values[1].isTrue(or: false) { kept = kept.splitFromEnd(on: " ", atMost: 1)[0] }
    return try renderer.add(.string(kept), .string(end))
  }

  private static func wrap(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("wordwrap", ["width", "break_long_words", "wrapstring", "break_on_hyphens"])
    let text = try required(value, renderer)
    let wrapper = WordWrap(
      width: try values[0].integer(or: 79), breaksLongWords: values[1].isTrue(or: true),
      breaksOnHyphens: values[3].isTrue(or: true))
    guard wrapper.width > 0 else { throw .failure("invalid width \(wrapper.width) (must be > 0)") }
    let newline: Text = values[2].isAbsent ? "\n" : try values[2]?.text("wordwrap") ?? "\n"
    try renderer.charge(text.count * 16)
    var parts: [Text] = []
    for line in text.lines() { parts.append(try renderer.joined(wrapper.lines(of: line), newline)) }
    return try renderer.string(try renderer.joined(parts, newline))
  }
}
