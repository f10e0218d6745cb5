// SPDX-License-Identifier: Apache-2.0
// Lists, tuples, dictionaries, ranges, dictionary views and iterators.

/// The items of a list or tuple. Immutable.
final class ListObject {
  let items: [Object]
  /// Nesting of containers, this one included.
  let depth: Int
  /// Whether this is a group of `groupby`, a tuple whose two items also have names.
  let isGroup: Bool

  static let maximumDepth = TemplateLimits.standard.valueDepth

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
    for (key, value) in entries {
      let hashable = try Key(key)
      if let place = places[hashable] {
        values[place] = value
      } else {
        places[hashable] = keys.count
        keys.append(key)
        values.append(value)
      }
    }
    self.keys = keys
    self.values = values
    self.places = keys.count > DictObject.searchedCount ? places : nil
    depth = max(try ListObject.depth(over: values), try ListObject.depth(over: keys))
  }

  /// A dictionary of text keys known to be different.
  init(distinct keys: [Text], _ values: [Object]) throws(TemplateProblem) {
    self.keys = keys.map { .string($0) }
    self.values = values
    var places: [Key: Int]?
    if keys.count > DictObject.searchedCount {
      var found: [Key: Int] = [:]
      for (place, key) in keys.enumerated() { found[Key(text: key)] = place }
      places = found
    }
    self.places = places
    depth = try ListObject.depth(over: values)
  }

  subscript(text: Text) -> Object? {
    if let places { return places[Key(text: text)].map { values[$0] } }
    for index in keys.indices {
      if case .string(let key) = keys[index], key == text { return values[index] }
    }
    return nil
  }

  /// The value of any key. Throws for keys that cannot be hashed.
  func value(of key: Object) throws(TemplateProblem) -> Object? {
    if case .string(let text) = key { return self[text] }
    let hashable = try Key(key)
    if let places { return places[hashable].map { values[$0] } }
    for index in keys.indices where try Key(keys[index]) == hashable { return values[index] }
    return nil
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

  subscript(index: Int) -> Int { start + index * step }

  var items: [Object] { (0..<count).map { .int(self[$0]) } }

  func contains(_ value: Int) -> Bool {
    guard count > 0 else { return false }
    let last = self[count - 1]
    return min(start, last)...max(start, last) ~= value && (value - start) % step == 0
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
