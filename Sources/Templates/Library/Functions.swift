// SPDX-License-Identifier: Apache-2.0
// The functions of a chat template's environment: jinja2's globals, with transformers' own
// `raise_exception`, `strftime_now`, and its stricter `dict` and `namespace`.

/// Global functions.
enum Functions {
  private typealias Body = @Sendable (Renderer, Arguments) throws(TemplateProblem) -> Object

  /// The function of a name; a new object, since objects belong to one rendering.
  static func named(_ name: String) -> Object? {
    guard let body = table[name] else { return nil }
    return .function(FunctionObject(name, body: body))
  }

  private static let table: [String: Body] = [
    "range": { (renderer, arguments) throws(TemplateProblem) in try range(renderer, arguments) },
    "dict": { (renderer, arguments) throws(TemplateProblem) in
      try renderer.dict(try entries("dict", renderer, arguments))
    },
    "namespace": { (renderer, arguments) throws(TemplateProblem) in try namespace(renderer, arguments) },
    "cycler": { (renderer, arguments) throws(TemplateProblem) in
      guard !arguments.positional.isEmpty else { throw .failure("at least one item has to be provided") }
      return .cycler(CyclerObject(try ListObject(arguments.positional)))
    },
    "joiner": { (renderer, arguments) throws(TemplateProblem) in
      let separator = try arguments.bind("joiner", ["sep"])[0] ?? .string(", ")
      return .joiner(JoinerObject(try renderer.text(of: separator)))
    },
    "raise_exception": { (renderer, arguments) throws(TemplateProblem) in
      let message = try arguments.bind("raise_exception", ["message"], required: 1)[0] ?? .none
      throw .raised(message: try renderer.text(of: message).string, line: 0)
    },
    "strftime_now": { (renderer, arguments) throws(TemplateProblem) in
      let format = try arguments.bind("strftime_now", ["format"], required: 1)[0]?.text("strftime") ?? .empty
      try renderer.charge(4 * format.count)
      return try renderer.string(Text(renderer.clock.formatted(format.string)))
    },
    "lipsum": { (renderer, arguments) throws(TemplateProblem) in
      throw .failure("lipsum, random filler text, is not available in chat templates")
    },
  ]

  /// Names that are defined whatever the caller passes.
  static func exists(_ name: String) -> Bool { table[name] != nil }

  private static func range(_ renderer: Renderer, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    guard arguments.named.isEmpty else { throw .failure("range() takes no keyword arguments") }
    let values = arguments.positional
    guard (1...3).contains(values.count) else {
      throw .failure("range expected 1 to 3 arguments, got \(values.count)")
    }
    let start = values.count > 1 ? try values[0].integer() : 0
    let stop = try values[values.count > 1 ? 1 : 0].integer()
    let step = values.count > 2 ? try values[2].integer() : 1
    guard step != 0 else { throw .failure("range() arg 3 must not be zero") }
    let isEmpty = step > 0 ? stop <= start : stop >= start
    let span = UInt(bitPattern: step > 0 ? stop &- start : start &- stop)
    let count = isEmpty ? 0 : (span - 1) / step.magnitude + 1
    guard count <= renderer.limits.rangeSize else {
      throw .exceeded(
        .rangeSize,
        "Range too big. The sandbox blocks ranges larger than MAX_RANGE (\(renderer.limits.rangeSize)).")
    }
    return .range(RangeObject(start: start, stop: stop, step: step, count: Int(count)))
  }

  /// The entries of `dict(mapping or pairs, **named)`.
  private static func entries(_ name: String, _ renderer: Renderer, _ arguments: Arguments) throws(TemplateProblem)
    -> [(key: Object, value: Object)]
  {
    guard arguments.positional.count <= 1 else {
      throw .failure("\(name) expected at most 1 argument, got \(arguments.positional.count)")
    }
    var entries: [(key: Object, value: Object)] = []
    switch arguments.positional.first {
    case nil: break
    case .some(.dict(let dict)): entries = dict.entries
    case .some(let pairs):
      for pair in try renderer.items(of: pairs) {
        let items = try renderer.unpack(pair, count: 2)
        entries.append((items[0], items[1]))
      }
    }
    for (name, value) in arguments.named { entries.append((.string(name), value)) }
    return entries
  }

  private static func namespace(_ renderer: Renderer, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    var checked: [(key: Text, value: Object)] = []
    for (key, value) in try entries("namespace", renderer, arguments) {
      guard case .string(let name) = key else { throw .failure("attribute name must be string") }
      try checkNamespaceName(name)
      checked.append((name, value))
    }
    return .namespace(try renderer.namespace(checked))
  }

  /// transformers refuses attributes that start with an underscore.
  static func checkNamespaceName(_ name: Text) throws(TemplateProblem) {
    guard name.bytes.first == UInt8(ascii: "_") else { return }
    var quoted = TextBuffer()
    Quoting.quote(name, into: &quoted)
    throw .security(
      message: "Chat templates cannot store underscore-prefixed attributes on a namespace, but got"
        + " \(quoted.text.string). Please rename the attribute.", line: 0)
  }

  /// `dict.fromkeys(keys, value)`.
  static func fromKeys(_ renderer: Renderer, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    let values = try arguments.bind("fromkeys", ["iterable", "value"], required: 1)
    let keys = try renderer.items(of: values[0] ?? .none)
    return try renderer.dict(keys.map { (key: $0, value: values[1] ?? .none) })
  }
}
