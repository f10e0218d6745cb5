// SPDX-License-Identifier: Apache-2.0
// Python's pprint: `repr` on one line when it fits 80 columns, else an item a line; keys sorted.

/// Writes values for people to read.
struct PrettyText {
  private let renderer: Renderer
  private var buffer = TextBuffer()
  private static let width = 80

  static func text(of object: Object, _ renderer: Renderer) throws(TemplateProblem) -> Text {
    var pretty = PrettyText(renderer: renderer)
    try pretty.write(try pretty.sorted(object), indent: 0, after: 0)
    return pretty.buffer.text
  }

  private init(renderer: Renderer) { self.renderer = renderer }

  /// The value with the keys of all dictionaries in order.
  private func sorted(_ object: Object) throws(TemplateProblem) -> Object {
    try renderer.charge(64)
    switch object {
    case .list(let list): return try renderer.list(try sorted(list.items))
    case .tuple(let list): return try renderer.tuple(try sorted(list.items))
    case .dict(let dict):
      var entries: [(key: Object, value: Object)] = []
      for (key, value) in dict.entries { entries.append((key, try sorted(value))) }
      try renderer.sort(&entries) { (a, b) throws(TemplateProblem) in
        // Keys that do not compare are ordered by the names of their types.
        do throws(TemplateProblem) {
          return try renderer.isLess(a.key, b.key)
        } catch {
          if case .limit = error { throw error }
          return a.key.typeName < b.key.typeName
        }
      }
      return try renderer.dict(entries)
    default: return object
    }
  }

  private func sorted(_ items: [Object]) throws(TemplateProblem) -> [Object] {
    var result: [Object] = []
    for item in items { result.append(try sorted(item)) }
    return result
  }

  /// - Parameter after: columns that must stay free behind the value.
  private mutating func write(_ object: Object, indent: Int, after: Int) throws(TemplateProblem) {
    let line = try renderer.representation(of: object)
    try renderer.charge(line.count)
    guard line.count > PrettyText.width - indent - after else { return buffer.append(line) }
    switch object {
    case .list(let list): try write(list.items, "[", "]", indent: indent, after: after)
    case .tuple(let list):
      try write(list.items, "(", list.items.count == 1 ? ",)" : ")", indent: indent, after: after)
    case .dict(let dict): try write(dict, indent: indent, after: after)
    default: buffer.append(line)
    }
  }

  private mutating func write(_ items: [Object], _ open: String, _ close: String, indent: Int, after: Int)
    throws(TemplateProblem)
  {
    buffer.append(open)
    for (index, item) in items.enumerated() {
      if index > 0 { try newLine(indent + 1) }
      let isLast = index == items.count - 1
      try write(item, indent: indent + 1, after: isLast ? after + close.utf8.count : 1)
    }
    buffer.append(close)
  }

  private mutating func write(_ dict: DictObject, indent: Int, after: Int) throws(TemplateProblem) {
    buffer.append("{")
    for (index, entry) in dict.entries.enumerated() {
      if index > 0 { try newLine(indent + 1) }
      let key = try renderer.representation(of: entry.key)
      buffer.append(key)
      buffer.append(": ")
      let isLast = index == dict.keys.count - 1
      try write(entry.value, indent: indent + key.count + 3, after: isLast ? after + 1 : 1)
    }
    buffer.append("}")
  }

  private mutating func newLine(_ indent: Int) throws(TemplateProblem) {
    try renderer.allocate(indent)
    guard buffer.bytes.count + indent <= renderer.limits.textSize else {
      throw .exceeded(.textSize, "the template makes a text of more than \(renderer.limits.textSize) bytes")
    }
    buffer.append(",\n")
    for _ in 0..<indent { buffer.appendByte(0x20) }
  }
}
