// SPDX-License-Identifier: Apache-2.0
// One rendering: its output, its context, and what it has used of its limits.

/// The state of a running template. Lives for one rendering, on one thread.
final class Renderer {
  let limits: TemplateLimits
  let clock: TemplateClock
  /// Context variables by ``ContextName``; nil where the caller gave none.
  var context: [Object?]
  /// What has been printed in the template, or in the innermost block that captures its output.
  private(set) var output = TextBuffer()
  /// Whether `{% autoescape true %}` is in force.
  var escapesOutput = false
  private var steps: Int
  private var memory: Int
  private var nesting = 0
  private var kept: [any Emptied] = []

  init(limits: TemplateLimits, clock: TemplateClock, context: [Object?]) {
    self.limits = limits
    self.clock = clock
    self.context = context
    steps = limits.steps
    memory = limits.memory
  }

  /// Empties namespaces, loops and macros, which may refer to each other in circles.
  deinit {
    for object in kept { object.empty() }
  }

  // MARK: Limits

  /// Counts work that has no other measure.
  func charge(_ count: Int) throws(TemplateProblem) {
    steps -= count
    if steps < 0 { throw .exceeded(.steps, "the template takes more than \(limits.steps) steps") }
  }

  /// Counts memory about to be used.
  func allocate(_ byteCount: Int) throws(TemplateProblem) {
    memory -= byteCount
    if memory < 0 { throw .exceeded(.memory, "the template uses more than \(limits.memory) bytes of memory") }
  }

  /// Counts memory about to be used for a text, and the time to fill it.
  func allocateText(_ byteCount: Int) throws(TemplateProblem) {
    guard byteCount <= limits.textSize else {
      throw .exceeded(.textSize, "the template makes a text of more than \(limits.textSize) bytes")
    }
    try allocate(byteCount + 32)
    try charge(byteCount >> 6)
  }

  /// Counts a pass over a text. Text that is not ASCII is decoded on the way.
  func visit(_ text: Text) throws(TemplateProblem) {
    try charge(1 + (text.isASCII ? text.bytes.count >> 3 : text.count))
  }

  /// Counts comparing a value with another of its kind, or taking its hash: next to nothing but for long texts, large
  /// integers, and tuples with such in them.
  func compare(_ object: Object, shift: Int = 6) throws(TemplateProblem) {
    switch object {
    case .string(let text): try charge(text.bytes.count >> shift)
    case .big(let value): try charge(4 * value.limbs.count >> (shift - 2))
    case .tuple(let tuple):
      try charge(tuple.items.count)
      for item in tuple.items { try compare(item, shift: shift) }
    default: break
    }
  }

  /// Counts finding a value among the keys of a dictionary.
  func seek(_ key: Object) throws(TemplateProblem) { try compare(key, shift: 3) }

  /// Counts a pass that looks up Unicode's properties of every code point.
  func visitClosely(_ text: Text) throws(TemplateProblem) { try charge(4 + text.count * 4) }

  /// Counts changing all letters to one case, for which ASCII needs no properties.
  func visitLetters(_ text: Text) throws(TemplateProblem) {
    if text.isASCII { try charge(4 + text.count >> 2) } else { try visitClosely(text) }
  }

  /// Runs code of a function that may call itself.
  func nested<Result>(
    weight: Int, _ body: () throws(TemplateProblem) -> Result
  ) throws(TemplateProblem) -> Result {
    nesting += weight
    defer { nesting -= weight }
    guard nesting <= limits.calls else {
      throw .exceeded(.calls, "macros or recursive loops call each other too deeply")
    }
    return try body()
  }

  /// Keeps an object to the end of the rendering.
  func keep(_ object: some Emptied) throws(TemplateProblem) {
    try allocate(128)
    try charge(16)
    kept.append(object)
  }

  // MARK: Making values

  func string(_ text: Text) throws(TemplateProblem) -> Object {
    try allocateText(text.bytes.count)
    return .string(text)
  }

  func list(_ items: [Object]) throws(TemplateProblem) -> Object {
    try allocateItems(items.count)
    return .list(try ListObject(items))
  }

  func tuple(_ items: [Object]) throws(TemplateProblem) -> Object {
    try allocateItems(items.count)
    return .tuple(try ListObject(items))
  }

  /// The list of several texts.
  func list(_ texts: [Text]) throws(TemplateProblem) -> Object {
    var byteCount = 0
    for text in texts { byteCount += text.bytes.count + 32 }
    try allocate(byteCount)
    try charge(4 * texts.count)
    return try list(texts.map { Object.string($0) })
  }

  func iterator(_ items: [Object], typeName: String = "generator") throws(TemplateProblem) -> Object {
    try allocateItems(items.count)
    return .iterator(try IteratorObject(items, typeName: typeName))
  }

  func dict(_ entries: [(key: Object, value: Object)]) throws(TemplateProblem) -> Object {
    try allocateItems(entries.count * 3)
    for (key, _) in entries { try seek(key) }
    return .dict(try DictObject(entries))
  }

  func namespace(_ entries: [(key: Text, value: Object)]) throws(TemplateProblem) -> NamespaceObject {
    let namespace = NamespaceObject()
    try keep(namespace)
    for (key, value) in entries { namespace.set(key, to: value) }
    return namespace
  }

  /// Counts the memory and time of a container.
  func allocateItems(_ count: Int) throws(TemplateProblem) {
    try allocate(count * 24 + 64)
    try charge(count >> 2)
  }

  // MARK: Output

  /// Prints text as it is.
  func emit(_ text: Text) throws(TemplateProblem) {
    guard output.bytes.count + text.bytes.count <= limits.outputSize else {
      throw .exceeded(.outputSize, "the template prints more than \(limits.outputSize) bytes")
    }
    output.append(text)
  }

  /// Prints a value as `str` shows it.
  func emit(_ object: Object) throws(TemplateProblem) {
    switch object {
    case .string(let text): try emit(escapesOutput ? HTML.escaped(text) : text)
    case .undefined: break
    default:
      let text = try self.text(of: object)
      try emit(escapesOutput ? HTML.escaped(text) : text)
    }
  }

  /// Runs code and returns what it printed.
  func capturing<Result>(
    _ body: () throws(TemplateProblem) -> Result
  ) throws(TemplateProblem) -> (Result, Text) {
    var captured = TextBuffer()
    swap(&captured, &output)
    defer { swap(&captured, &output) }
    let result = try body()
    try allocateText(output.bytes.count)
    return (result, output.text.marked(escapesOutput))
  }
}

/// How a statement ends.
enum Flow {
  case next, breakLoop, continueLoop
}
