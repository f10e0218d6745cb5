// SPDX-License-Identifier: Apache-2.0
// Filters that compare items: sorting, grouping, extremes. Text compares without case unless asked.

extension Filters {
  static let ordering: [String: Filter] = [
    "sort": { (renderer, value, arguments) throws(TemplateProblem) in
      let values = try arguments.bind("sort", ["reverse", "case_sensitive", "attribute"])
      let paths = AttributePath.list(values[2])
      let sorted = try order(
        renderer, try renderer.items(of: value), reverse: values[0].isTrue(or: false)
      ) { (item) throws(TemplateProblem) in
        var keys: [Object] = []
        for path in paths { keys.append(try fold(renderer, try path.value(in: item, renderer), values[1])) }
        return .list(try ListObject(keys))
      }
      return try renderer.list(sorted)
    },
    "dictsort": { (renderer, value, arguments) throws(TemplateProblem) in
      try dictsort(renderer, value, arguments)
    },
    "unique": { (renderer, value, arguments) throws(TemplateProblem) in
      let values = try arguments.bind("unique", ["case_sensitive", "attribute"])
      let path = AttributePath(values[1])
      var seen: Set<Key> = []
      var unique: [Object] = []
      for item in try renderer.items(of: value) {
        let value = try fold(renderer, try path.value(in: item, renderer), values[0])
        try renderer.seek(value)
        let key = try Key(value)
        if seen.insert(key).inserted { unique.append(item) }
      }
      return try renderer.iterator(unique)
    },
    "min": { (renderer, value, arguments) throws(TemplateProblem) in
      try extreme("min", renderer, value, arguments) { (a, b) throws(TemplateProblem) in
        try renderer.isLess(a, b)
      }
    },
    "max": { (renderer, value, arguments) throws(TemplateProblem) in
      try extreme("max", renderer, value, arguments) { (a, b) throws(TemplateProblem) in
        try renderer.isLess(b, a, ">")
      }
    },
    "groupby": { (renderer, value, arguments) throws(TemplateProblem) in
      try groups(renderer, value, arguments)
    },
  ]

  /// The key of a value for comparing: lower case unless case counts.
  private static func fold(
    _ renderer: Renderer, _ value: Object, _ isCaseSensitive: Object?
  ) throws(TemplateProblem) -> Object {
    guard case .string(let text) = value, !isCaseSensitive.isTrue(or: false) else { return value }
    try renderer.visitLetters(text)
    return .string(text.lowercased())
  }

  /// Sorts by keys, keeping the order of equals, also in reverse.
  private static func order(
    _ renderer: Renderer, _ items: [Object], reverse: Bool, by key: (Object) throws(TemplateProblem) -> Object
  ) throws(TemplateProblem) -> [Object] {
    try renderer.allocateItems(items.count * 4)
    var keyed: [(key: Object, item: Object)] = []
    keyed.reserveCapacity(items.count)
    try renderer.charge(items.count * 16)
    for item in items { keyed.append((try key(item), item)) }
    if reverse { keyed.reverse() }
    try renderer.sort(&keyed) { (a, b) throws(TemplateProblem) in try renderer.isLess(a.key, b.key) }
    if reverse { keyed.reverse() }
    return keyed.map(\.item)
  }

  private static func dictsort(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("dictsort", ["case_sensitive", "by", "reverse"])
    let by = try values[1]?.text("dictsort").string ?? "key"
    guard by == "key" || by == "value" else { throw .failure("You can only sort by either \"key\" or \"value\"") }
    guard case .dict(let dict) = value else {
      if case .undefined(let undefined) = value { throw undefined.problem }
      throw .failure("'\(value.typeName)' object has no attribute 'items'")
    }
    let sorted = try order(
      renderer, try dict.pairs(), reverse: values[2].isTrue(or: false)
    ) { (pair) throws(TemplateProblem) in
      try fold(renderer, try renderer.item(of: pair, .int(by == "key" ? 0 : 1)), values[0])
    }
    return try renderer.list(sorted)
  }

  private static func extreme(
    _ name: String, _ renderer: Renderer, _ value: Object, _ arguments: Arguments,
    _ isBetter: (Object, Object) throws(TemplateProblem) -> Bool
  ) throws(TemplateProblem) -> Object {
    let values = try arguments.bind(name, ["case_sensitive", "attribute"])
    let path = AttributePath(values[1])
    var best: (key: Object, item: Object)?
    for item in try renderer.items(of: value) {
      try renderer.charge(1)
      let key = try fold(renderer, try path.value(in: item, renderer), values[0])
      guard let current = best else {
        best = (key, item)
        continue
      }
      if try isBetter(key, current.key) { best = (key, item) }
    }
    return best?.item ?? .undefined(hint: "No aggregated item, sequence was empty.")
  }

  private static func groups(_ renderer: Renderer, _ value: Object, _ arguments: Arguments) throws(TemplateProblem)
    -> Object
  {
    let values = try arguments.bind("groupby", ["attribute", "default", "case_sensitive"], required: 1)
    let path = AttributePath(values[0], fallback: values[1])
    let key: (Object) throws(TemplateProblem) -> Object = { (item) throws(TemplateProblem) in
      try fold(renderer, try path.value(in: item, renderer), values[2])
    }
    let sorted = try order(renderer, try renderer.items(of: value), reverse: false, by: key)
    var groups: [Object] = []
    var members: [Object] = []
    var current: Object?
    func flush() throws(TemplateProblem) {
      guard let first = members.first else { return }
      // The name of a group is the first member's, as it is spelled there.
      let name = try path.value(in: first, renderer)
      groups.append(.tuple(try ListObject([name, try renderer.list(members)], isGroup: true)))
    }
    for item in sorted {
      try renderer.charge(16)
      let itemKey = try key(item)
      if let current, try renderer.equals(current, itemKey) {
        members.append(item)
        continue
      }
      try flush()
      members = [item]
      current = itemKey
    }
    try flush()
    return try renderer.list(groups)
  }
}
