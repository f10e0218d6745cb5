// SPDX-License-Identifier: Apache-2.0
// Operators on any values, as Python defines them.

extension Renderer {
  func apply(_ operation: BinaryOperator, _ left: Object, _ right: Object) throws(TemplateProblem) -> Object {
    switch operation {
    case .add: try add(left, right)
    case .mul: try multiply(left, right)
    case .mod:
      if case .string(let format) = left {
        try string(try PercentFormat.format(format, right, self))
      } else {
        try calculate(.mod, left, right)
      }
    default: try calculate(operation, left, right)
    }
  }

  /// An operation on numbers, which takes time when they are large.
  private func calculate(_ operation: BinaryOperator, _ left: Object, _ right: Object) throws(TemplateProblem) -> Object
  {
    try charge(Arithmetic.cost(operation, left, right))
    return try Arithmetic.apply(operation, left, right)
  }

  func add(_ left: Object, _ right: Object) throws(TemplateProblem) -> Object {
    switch (left, right) {
    case (.int(let a), .int(let b)):
      let (sum, overflow) = a.addingReportingOverflow(b)
      return overflow ? try calculate(.add, left, right) : .int(sum)
    case (.string(let a), .string(let b)): return try join(a, b)
    case (.list(let a), .list(let b)): return try list(a.items + b.items)
    case (.tuple(let a), .tuple(let b)): return try tuple(a.items + b.items)
    case (.undefined(let missing), _), (_, .undefined(let missing)): throw missing.problem
    case (.string, _): throw .failure("can only concatenate str (not \"\(right.typeName)\") to str")
    case (.list, _): throw .failure("can only concatenate list (not \"\(right.typeName)\") to list")
    default: return try calculate(.add, left, right)
    }
  }

  /// Text after text; when one is markup, the other is escaped.
  private func join(_ a: Text, _ b: Text) throws(TemplateProblem) -> Object {
    let isMarkup = a.isMarkup || b.isMarkup
    let (a, b) = isMarkup ? (HTML.escaped(a), HTML.escaped(b)) : (a, b)
    try allocateText(a.bytes.count + b.bytes.count)
    return .string(Text(bytes: a.bytes + b.bytes, count: a.count + b.count, isMarkup: isMarkup))
  }

  private func multiply(_ left: Object, _ right: Object) throws(TemplateProblem) -> Object {
    switch (left, right) {
    case (.string(let text), let count), (let count, .string(let text)):
      let times = try times(count, left, right)
      return try string(try repeated(text, times))
    case (.list(let list), let count), (let count, .list(let list)):
      let times = try times(count, left, right)
      return try self.list(try repeated(list.items, times))
    case (.tuple(let list), let count), (let count, .tuple(let list)):
      let times = try times(count, left, right)
      return try tuple(try repeated(list.items, times))
    default: return try calculate(.mul, left, right)
    }
  }

  private func times(_ count: Object, _ left: Object, _ right: Object) throws(TemplateProblem) -> Int {
    if case .big = count { throw .failure("cannot fit 'int' into an index-sized integer") }
    guard let times = count.intValue else { throw Arithmetic.unsupported("*", left, right) }
    return times
  }

  func repeated(_ text: Text, _ times: Int) throws(TemplateProblem) -> Text {
    guard times > 0, !text.isEmpty else { return Text.empty.marked(text.isMarkup) }
    guard times <= limits.textSize / text.bytes.count else {
      throw .exceeded(.textSize, "the template makes a text of more than \(limits.textSize) bytes")
    }
    try charge(text.bytes.count == 1 ? times >> 6 : times)
    var bytes: [UInt8]
    if text.bytes.count == 1 {
      bytes = [UInt8](repeating: text.bytes[0], count: times)
    } else {
      bytes = []
      bytes.reserveCapacity(text.bytes.count * times)
      for _ in 0..<times { bytes += text.bytes }
    }
    return Text(bytes: bytes, count: text.count * times, isMarkup: text.isMarkup)
  }

  private func repeated(_ items: [Object], _ times: Int) throws(TemplateProblem) -> [Object] {
    guard times > 0, !items.isEmpty else { return [] }
    guard times <= limits.memory / 24 / items.count else {
      throw .exceeded(.memory, "the template uses more than \(limits.memory) bytes of memory")
    }
    try allocateItems(items.count * times)
    var result: [Object] = []
    result.reserveCapacity(items.count * times)
    for _ in 0..<times { result += items }
    return result
  }

  /// `a ~ b ~ c`.
  func concat(_ values: [Object]) throws(TemplateProblem) -> Object {
    let isMarkup = escapesOutput && values.contains { $0.textValue?.isMarkup ?? false }
    var texts: [Text] = []
    texts.reserveCapacity(values.count)
    for value in values {
      let text = try self.text(of: value)
      texts.append(isMarkup ? HTML.escaped(text) : text)
    }
    return try string(try joined(texts, .empty).marked(isMarkup))
  }

  // MARK: Comparing

  func compare(_ operation: Comparison.Operator, _ left: Object, _ right: Object) throws(TemplateProblem) -> Bool {
    switch operation {
    case .equal: return try equals(left, right)
    case .notEqual: return try !equals(left, right)
    case .less: return try isLess(left, right, "<")
    case .lessOrEqual: return try isLessOrEqual(left, right, "<=")
    case .greater: return try isLess(right, left, ">")
    case .greaterOrEqual: return try isLessOrEqual(right, left, ">=")
    case .isIn: return try contains(right, left)
    case .notIn: return try !contains(right, left)
    }
  }

  func equals(_ left: Object, _ right: Object) throws(TemplateProblem) -> Bool {
    switch (left, right) {
    case (.string(let a), .string(let b)):
      if a.count == b.count { try compare(left) }
      return a == b
    case (.int(let a), .int(let b)): return a == b
    case (.none, .none), (.undefined, .undefined): return true
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      return a === b ? true : try equals(a.items, b.items)
    case (.dict(let a), .dict(let b)): return a === b ? true : try equals(a, b)
    case (.range(let a), .range(let b)):
      return a.count == b.count && (a.count == 0 || a[0] == b[0] && (a.count == 1 || a.step == b.step))
    case (.namespace(let a), .namespace(let b)): return a === b
    case (.loop(let a), .loop(let b)): return a === b
    case (.macro(let a), .macro(let b)): return a === b
    case (.function(let a), .function(let b)): return a === b
    case (.cycler(let a), .cycler(let b)): return a === b
    case (.joiner(let a), .joiner(let b)): return a === b
    case (.iterator(let a), .iterator(let b)): return a === b
    case (.view(let a), .view(let b)): return a === b || (a.kind == b.kind && a.kind != .values && a.dict === b.dict)
    default:
      try compare(left)
      try compare(right)
      return Arithmetic.equals(left, right)
    }
  }

  func equals(_ left: [Object], _ right: [Object]) throws(TemplateProblem) -> Bool {
    guard left.count == right.count else { return false }
    try charge(left.count)
    for index in left.indices where !(try equals(left[index], right[index])) { return false }
    return true
  }

  private func equals(_ left: DictObject, _ right: DictObject) throws(TemplateProblem) -> Bool {
    guard left.keys.count == right.keys.count else { return false }
    try charge(left.keys.count)
    for (key, value) in left.entries {
      try seek(key)
      guard let other = try right.value(of: key), try equals(value, other) else { return false }
    }
    return true
  }

  /// Python's `<`; `sign` is what the template wrote, for the message.
  func isLess(_ left: Object, _ right: Object, _ sign: String = "<") throws(TemplateProblem) -> Bool {
    switch (left, right) {
    case (.string(let a), .string(let b)):
      try visit(a)
      return a < b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      guard let place = try firstDifference(a.items, b.items) else { return a.items.count < b.items.count }
      return try isLess(a.items[place], b.items[place], sign)
    default:
      try compare(left)
      try compare(right)
      return try Arithmetic.isLess(left, right, sign)
    }
  }

  private func isLessOrEqual(_ left: Object, _ right: Object, _ sign: String) throws(TemplateProblem) -> Bool {
    switch (left, right) {
    case (.string(let a), .string(let b)):
      try visit(a)
      return !(b < a)
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      guard let place = try firstDifference(a.items, b.items) else { return a.items.count <= b.items.count }
      return try isLessOrEqual(a.items[place], b.items[place], sign)
    default:
      try compare(left)
      try compare(right)
      return try Arithmetic.isLessOrEqual(left, right, sign)
    }
  }

  private func firstDifference(_ a: [Object], _ b: [Object]) throws(TemplateProblem) -> Int? {
    let count = min(a.count, b.count)
    for index in 0..<count {
      try charge(1)
      if !(try equals(a[index], b[index])) { return index }
    }
    return nil
  }

  /// Python's `in`.
  func contains(_ container: Object, _ item: Object) throws(TemplateProblem) -> Bool {
    switch container {
    case .string(let text):
      guard case .string(let part) = item else {
        if case .undefined(let undefined) = item { throw undefined.problem }
        throw .failure("'in <string>' requires string as left operand, not \(item.typeName)")
      }
      try visitSearch(for: part, in: text)
      return text.contains(part)
    case .dict(let dict):
      try seek(item)
      return try dict.value(of: item) != nil
    case .view(let view) where view.kind == .keys:
      try seek(item)
      return try view.dict.value(of: item) != nil
    case .range(let range):
      if let value = item.intValue { return range.contains(value) }
      return item.doubleValue.flatMap { Int(exactly: $0) }.map(range.contains) ?? false
    case .list(let list), .tuple(let list): return try includes(list.items, item)
    case .undefined, .view, .iterator: return try includes(try items(of: container), item)
    default: throw .failure("argument of type '\(container.typeName)' is not iterable")
    }
  }

  private func includes(_ items: [Object], _ item: Object) throws(TemplateProblem) -> Bool {
    try charge(items.count)
    for other in items where try equals(other, item) { return true }
    return false
  }
}
