// SPDX-License-Identifier: Apache-2.0
// Objects that change while a template runs: namespaces, loops, cyclers, joiners; and functions.

/// Objects that may hold each other in circles or long chains. The renderer keeps them all and
/// empties them at the end, so that freeing never recurses through them.
protocol Emptied: AnyObject {
  func empty()
}

/// `namespace(…)`: the one thing whose attributes a template can set.
final class NamespaceObject: Emptied {
  private(set) var names: [Text] = []
  private var values: [Object] = []
  /// Places of the names once they are many; a few are searched faster.
  private var places: [Text: Int] = [:]

  private static let searchedCount = 8

  private func place(of name: Text) -> Int? {
    names.count > NamespaceObject.searchedCount ? places[name] : names.firstIndex(of: name)
  }

  subscript(name: Text) -> Object? { place(of: name).map { values[$0] } }

  func set(_ name: Text, to value: Object) {
    if let place = place(of: name) {
      values[place] = value
      return
    }
    places[name] = names.count
    names.append(name)
    values.append(value)
  }

  func empty() {
    names = []
    values = []
    places = [:]
  }
}

/// `loop` within a `for`.
final class LoopObject: Emptied {
  private var pending: [Object]
  private var position = 0
  /// The next item, when it was asked for before its turn.
  private var peeked: Object?
  private var previous: Object?
  private var current: Object?
  private var lastChanged: [Object]?
  private var knownLength: Int?
  /// The loop's own condition, asked item by item while the loop runs.
  private var test: ((Object) throws(TemplateProblem) -> Bool)?
  /// Renders the loop's body over other items, for recursive loops.
  private(set) var recurse: ((Object, _ depth0: Int) throws(TemplateProblem) -> Object)?
  private(set) var index0 = -1
  let depth0: Int

  init(
    _ items: [Object], test: ((Object) throws(TemplateProblem) -> Bool)?, depth0: Int,
    recurse: ((Object, Int) throws(TemplateProblem) -> Object)?
  ) {
    pending = items
    self.test = test
    self.depth0 = depth0
    self.recurse = recurse
    if test == nil { knownLength = items.count }
  }

  /// Steps to the next item.
  func advance() throws(TemplateProblem) -> Object? {
    guard let item = try peek() else { return nil }
    peeked = nil
    index0 += 1
    previous = current
    current = item
    return item
  }

  /// The item after the current one.
  func peek() throws(TemplateProblem) -> Object? {
    if let peeked { return peeked }
    while position < pending.count {
      let item = pending[position]
      position += 1
      if let test, !(try test(item)) { continue }
      peeked = item
      return item
    }
    return nil
  }

  /// Items of the loop; a condition is tried on all that remain.
  func length() throws(TemplateProblem) -> Int {
    if let knownLength { return knownLength }
    var rest: [Object] = []
    while let item = try peek() {
      peeked = nil
      rest.append(item)
    }
    pending = rest
    position = 0
    test = nil
    let length = index0 + 1 + rest.count
    knownLength = length
    return length
  }

  /// The item before the current one; nil in the first round.
  var previousItem: Object? { index0 == 0 ? nil : previous }

  /// Whether the values differ from those of the call before.
  func changed(_ values: [Object], _ renderer: Renderer) throws(TemplateProblem) -> Bool {
    if let lastChanged, try renderer.equals(lastChanged, values) { return false }
    lastChanged = values
    return true
  }

  func empty() {
    pending = []
    position = 0
    peeked = nil
    previous = nil
    current = nil
    lastChanged = nil
    finish()
  }

  /// Lets go of what the loop needs only while it runs.
  func finish() {
    test = nil
    recurse = nil
  }
}

/// `cycler('a', 'b')`.
final class CyclerObject {
  let items: ListObject
  var position = 0

  init(_ items: ListObject) { self.items = items }

  var current: Object { items.items[position] }

  func next() -> Object {
    defer { position = (position + 1) % items.items.count }
    return current
  }
}

/// `joiner(', ')`: nothing at the first call, the separator at every other.
final class JoinerObject {
  let separator: Text
  var isUsed = false

  init(_ separator: Text) { self.separator = separator }
}

/// A function of the environment, or a method bound to its object.
final class FunctionObject {
  typealias Body = (Renderer, Arguments) throws(TemplateProblem) -> Object

  let name: String
  let typeName: String
  /// Nesting of the object the method is bound to.
  let depth: Int
  let body: Body

  init(_ name: String, typeName: String = "function", body: @escaping Body) {
    self.name = name
    self.typeName = typeName
    depth = 0
    self.body = body
  }

  /// A method bound to an object.
  init(_ name: String, of receiver: Object, body: @escaping Body) throws(TemplateProblem) {
    self.name = name
    typeName = "builtin_function_or_method"
    depth = try ListObject.depth(over: [receiver])
    self.body = body
  }
}

/// A macro with the variables around its definition; or the `caller` of a call block.
final class MacroObject: Emptied {
  let code: MacroCode
  private(set) var frame: Frame?

  init(_ code: MacroCode, in frame: Frame) {
    self.code = code
    self.frame = frame
  }

  func empty() { frame = nil }
}
