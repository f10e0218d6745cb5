// SPDX-License-Identifier: Apache-2.0
// The door of the module. Chat templates are Jinja programs that come with models; what they are
// written for is transformers' environment: jinja2 3.1's immutable sandbox with `trim_blocks`,
// `lstrip_blocks`, loop controls, the `generation` tag, and transformers' own functions.

/// A compiled chat template. Compile once, render many times, on any threads.
public struct ChatTemplate: Sendable {
  /// The text the template was made from.
  public let source: String
  private let program: Program
  private let limits: TemplateLimits

  /// Compiles a template.
  ///
  /// - Throws: ``TemplateProblem/syntax(message:line:)`` for what jinja2 refuses to compile, and
  ///   ``TemplateProblem/limit(_:message:line:)`` for a template too long or too deeply nested.
  public init(source: String, limits: TemplateLimits = .standard) throws(TemplateProblem) {
    self.source = source
    self.limits = limits
    program = try Compiler.compile(try Parser.parse(source, limits: limits))
  }

  /// Renders the template.
  ///
  /// - Parameters:
  ///   - context: the variables; of two with the same name the later one counts. Names the
  ///     environment has itself, such as `range`, can be replaced.
  ///   - now: the time `strftime_now` sees.
  /// - Throws: ``TemplateProblem/raised(message:line:)`` when the template refuses the conversation,
  ///   other cases when it fails.
  public func render(context: [Value.Entry], now: TemplateClock) throws(TemplateProblem) -> String {
    let renderer = Renderer(limits: limits, clock: now, context: try variables(context))
    try renderer.run(program)
    return renderer.output.text.string
  }

  /// Renders the template with variables by name.
  public func render(context: [String: Value], now: TemplateClock) throws(TemplateProblem) -> String {
    try render(context: context.map { Value.Entry($0.key, $0.value) }, now: now)
  }

  /// Whether the template asks for a variable of the name, as `tools` or `enable_thinking`.
  public func asks(for name: String) -> Bool { program.contextNames.contains(name) }

  /// The variables the template asks for, in its order.
  private func variables(_ context: [Value.Entry]) throws(TemplateProblem) -> [Object?] {
    var values: [String: Value] = [:]
    for entry in context { values[entry.key] = entry.value }
    var result: [Object?] = []
    for name in program.contextNames {
      if let value = values[name] { result.append(try Object(value)) } else { result.append(Functions.named(name)) }
    }
    return result
  }
}

extension Renderer {
  /// Runs the main part of a program.
  fileprivate func run(_ program: Program) throws(TemplateProblem) {
    guard let slot = program.selfSlot else { return try run(program.main) }
    // `self.name()` renders the block of the name.
    var blocks: [(key: Text, value: Object)] = []
    for (name, code) in program.blocks.sorted(by: { $0.key < $1.key }) {
      let function = FunctionObject(name) { (renderer, arguments) throws(TemplateProblem) in
        try arguments.expectNone(name)
        return .string(
          try renderer.nested(weight: 100) { () throws(TemplateProblem) in
            try renderer.capturing { () throws(TemplateProblem) in try renderer.run(code) }.1
          })
      }
      blocks.append((Text(name), .function(function)))
    }
    let reference = Object.namespace(try namespace(blocks))
    try run(program.main) { frame in frame.slots[slot] = reference }
  }
}

extension Object {
  /// A caller's value as the interpreter holds it.
  init(_ value: Value) throws(TemplateProblem) { try self.init(value, level: 0) }

  private init(_ value: Value, level: Int) throws(TemplateProblem) {
    guard level <= ListObject.maximumDepth else {
      throw .exceeded(.valueDepth, "a value is nested more than \(ListObject.maximumDepth) levels deep")
    }
    switch value {
    case .none: self = .none
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(value)
    case .wideInteger(let digits): self = try Object(decimal: digits)
    case .double(let value): self = .double(value)
    case .string(let string): self = .string(Text(string))
    case .list(let values):
      var items: [Object] = []
      items.reserveCapacity(values.count)
      for value in values { items.append(try Object(value, level: level + 1)) }
      self = .list(try ListObject(items))
    case .dict(let entries):
      var items: [(key: Object, value: Object)] = []
      items.reserveCapacity(entries.count)
      for entry in entries { items.append((.string(Text(entry.key)), try Object(entry.value, level: level + 1))) }
      self = .dict(try DictObject(items))
    }
  }

  /// An integer of any size in decimal digits, perhaps after a minus.
  private init(decimal digits: String) throws(TemplateProblem) {
    let isNegative = digits.hasPrefix("-")
    guard
      let value = try BigInteger(isNegative: isNegative, digits: digits.utf8.dropFirst(isNegative ? 1 : 0), radix: 10)
    else { throw .failure("'\(digits)' is no integer") }
    self = .integer(value)
  }
}
