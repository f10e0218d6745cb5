// SPDX-License-Identifier: Apache-2.0
// Lists, tuples, dictionaries, ranges, dictionary views and iterators.

/// The items of a list or tuple. Immutable.
final class ListObject {
  let items: [Object]
  /// Nesting of containers, this one included.
  let depth: Int
  /// Whether this is a group of `groupby`, a tuple whose two items also have names.
  let isGroup: Bool

  static let maximumDepth = TemplateLimits.valueDepth

  init(_ items: [Object], isGroup: Bool = false) throws(TemplateProblem) {
    self.items = items
    self.isGroup = isGroup
    depth = try ListObject.depth(over: items)
  }

  /// The empty list.
  init() {
    items = []
    isGroup = false
    depth = 1
  }

  /// The depth of a container of items, refused when it goes too far: comparing, printing and
  /// freeing a value recurse as deep as it is nested.
  static func depth(over items: [Object]) throws(TemplateProblem) -> Int {
    var deepest = 0
    for item in items { deepest = max(deepest, item.depth) }
    guard deepest < maximumDepth else {
      throw .exceeded(.valueDepth, "a value is nested more than \(maximumDepth) levels deep")
    }
    return deepest + 1
  }
}

/// A dictionary in order of insertion. Immutable.
final class DictObject {
  let keys: [Object]
  let values: [Object]
  /// Nesting of containers, this one included.
  let depth: Int
  /// Places of the keys; small dictionaries are searched instead.
  private let places: [Key: Int]?

  private static let searchedCount = 8

  /// A dictionary of entries, of which the last with the same key counts, in the first one's place.
  init(_ entries: [(key: Object, value: Object)]) throws(TemplateProblem) {
    var keys: [Object] = []
    var values: [Object] = []
    keys.reserveCapacity(entries.count)
    values.reserveCapacity(entries.count)
    var places: [Key: Int] = [:]
    let isSearched = entries.count <= DictObject.searchedCount
    for (key, value) in entries {
      let known: Int?
      if isSearched {
        known = try DictObject.place(of: key, in: keys)
      } else {
        let hashable = try Key(key)
        known = places[hashable]
        if known == nil { places[hashable] = keys.count }
      }
      if let known {
        values[known] = value
      } else {
        keys.append(key)
        values.append(value)
      }
    }
    self.keys = keys
    self.values = values
    self.places = isSearched ? nil : places
    depth = max(try ListObject.depth(over: values), try ListObject.depth(over: keys))
  }

  /// Where a key stands among a few. Throws for keys that cannot be hashed.
  private static func place(of key: Object, in keys: [Object]) throws(TemplateProblem) -> Int? {
    if case .string(let text) = key { return place(of: text, in: keys) }
    let hashable = try Key(key)
    for index in keys.indices where try Key(keys[index]) == hashable { return index }
    return nil
  }

  private static func place(of text: Text, in keys: [Object]) -> Int? {
    for index in keys.indices {
      if case .string(let key) = keys[index], key == text { return index }
    }
    return nil
  }

  subscript(text: Text) -> Object? {
    (places.map { $0[Key(text: text)] } ?? DictObject.place(of: text, in: keys)).map { values[$0] }
  }

  /// The value of any key. Throws for keys that cannot be hashed.
  func value(of key: Object) throws(TemplateProblem) -> Object? {
    if case .string(let text) = key { return self[text] }
    if let places { return places[try Key(key)].map { values[$0] } }
    return try DictObject.place(of: key, in: keys).map { values[$0] }
  }

  /// The entries as tuples.
  func pairs() throws(TemplateProblem) -> [Object] {
    var pairs: [Object] = []
    pairs.reserveCapacity(keys.count)
    for index in keys.indices { pairs.append(.tuple(try ListObject([keys[index], values[index]]))) }
    return pairs
  }

  var entries: [(key: Object, value: Object)] { zip(keys, values).map { ($0, $1) } }
}

/// `range(start, stop, step)`.
final class RangeObject {
  let start: Int
  let stop: Int
  let step: Int
  let count: Int

  /// A range of a step other than zero whose count has been checked.
  init(start: Int, stop: Int, step: Int, count: Int) {
    self.start = start
    self.stop = stop
    self.step = step
    self.count = count
  }

  /// An element; that it fits 64 bits is certain, the steps on the way to it are not.
  subscript(index: Int) -> Int { start &+ index &* step }

  var items: [Object] { (0..<count).map { .int(self[$0]) } }

  func contains(_ value: Int) -> Bool {
    guard count > 0 else { return false }
    let last = self[count - 1]
    guard (min(start, last)...max(start, last)).contains(value) else { return false }
    let distance = UInt(bitPattern: value < start ? start &- value : value &- start)
    return distance % step.magnitude == 0
  }
}

/// `d.keys()`, `d.values()`, `d.items()`.
final class ViewObject {
  enum Kind: String { case keys = "dict_keys", values = "dict_values", items = "dict_items" }

  let kind: Kind
  let dict: DictObject

  init(_ kind: Kind, of dict: DictObject) {
    self.kind = kind
    self.dict = dict
  }

  func items() throws(TemplateProblem) -> [Object] {
    switch kind {
    case .keys: dict.keys
    case .values: dict.values
    case .items: try dict.pairs()
    }
  }
}

/// What `map`, `select`, `reverse` and their like give: items that can be taken once.
final class IteratorObject {
  /// Python's name of the type; a `generator` for most filters.
  let typeName: String
  private var items: ArraySlice<Object>
  let depth: Int

  init(_ items: [Object], typeName: String = "generator") throws(TemplateProblem) {
    self.items = items[...]
    self.typeName = typeName
    depth = try ListObject.depth(over: items)
  }

  func next() -> Object? { items.popFirst() }

  /// The items not taken yet; none are left.
  func rest() -> [Object] {
    defer { items = [] }
    return Array(items)
  }
}
