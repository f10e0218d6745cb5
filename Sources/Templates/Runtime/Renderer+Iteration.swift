// SPDX-License-Identifier: Apache-2.0
// Items, lengths and calls of any values.

extension Renderer {
  /// What iterating gives; takes the rest of an iterator.
  func items(of object: Object) throws(TemplateProblem) -> [Object] {
    switch object {
    case .list(let list), .tuple(let list): return list.items
    case .dict(let dict): return dict.keys
    case .string(let text):
      try allocate(text.count * 64)
      try charge(4 * text.count)
      return text.elements().map { .string($0) }
    case .range(let range):
      try allocateItems(range.count)
      return range.items
    case .view(let view):
      try allocateItems(view.dict.keys.count * 4)
      return try view.items()
    case .iterator(let iterator): return iterator.rest()
    case .undefined: return []
    default: throw .failure("'\(object.typeName)' object is not iterable")
    }
  }

  /// Exactly as many items as there are targets.
  func unpack(_ object: Object, count: Int) throws(TemplateProblem) -> [Object] {
    if case .namespace = object { throw .failure("cannot unpack non-iterable Namespace object") }
    let items = try items(of: object)
    if items.count > count { throw .failure("too many values to unpack (expected \(count))") }
    if items.count < count {
      throw .failure("not enough values to unpack (expected \(count), got \(items.count))")
    }
    return items
  }

  /// `len(object)`; nil when the object has none.
  func length(of object: Object) throws(TemplateProblem) -> Int? {
    switch object {
    case .string(let text): text.count
    case .list(let list), .tuple(let list): list.items.count
    case .dict(let dict): dict.keys.count
    case .range(let range): range.count
    case .view(let view): view.dict.keys.count
    case .undefined: 0
    case .loop(let loop): try loop.length()
    default: nil
    }
  }

  func call(_ function: Object, _ arguments: Arguments) throws(TemplateProblem) -> Object {
    switch function {
    case .function(let function): return try function.body(self, arguments)
    case .macro(let macro): return try call(macro, arguments)
    case .loop(let loop):
      let items = try arguments.bind("loop", ["iterable"], required: 1)[0] ?? .none
      guard let recurse = loop.recurse else {
        throw .failure("The loop must have the 'recursive' marker to be called recursively.")
      }
      return try recurse(items, loop.depth0 + 1)
    case .joiner(let joiner):
      try arguments.expectNone("joiner")
      defer { joiner.isUsed = true }
      return .string(joiner.isUsed ? joiner.separator : .empty)
    case .undefined(let undefined): throw undefined.problem
    default: throw .failure("'\(function.typeName)' object is not callable")
    }
  }
}
