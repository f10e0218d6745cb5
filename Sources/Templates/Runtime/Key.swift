// SPDX-License-Identifier: Apache-2.0
// Dictionary keys and members of sets: Python's hash and equality.

/// A hashable value. 1, 1.0 and True are the same key, as in Python.
struct Key: Hashable {
  private enum Form: Hashable {
    case none
    case int(Int)
    case big(BigInteger)
    case double(Double)
    case text(Text)
    case tuple([Form])
    case undefined
    case identity(ObjectIdentifier)
  }

  private let form: Form

  init(text: Text) { form = .text(text) }

  /// Throws for lists and dictionaries, and for tuples too large to be somebody's key.
  init(_ object: Object) throws(TemplateProblem) {
    var budget = 1000
    form = try Key.form(of: object, &budget)
  }

  private static func form(of object: Object, _ budget: inout Int) throws(TemplateProblem) -> Form {
    budget -= 1
    guard budget > 0 else { throw .exceeded(.steps, "a tuple is too large to be a key") }
    switch object {
    case .none: return .none
    case .bool(let value): return .int(value ? 1 : 0)
    case .int(let value): return .int(value)
    case .big(let value): return .big(value)
    case .double(let value):
      if let small = Int(exactly: value) { return .int(small) }
      return value.isFinite && value.rounded() == value ? .big(BigInteger(truncating: value)) : .double(value)
    case .string(let text): return .text(text)
    case .tuple(let tuple):
      var forms: [Form] = []
      for item in tuple.items { forms.append(try form(of: item, &budget)) }
      return .tuple(forms)
    case .undefined: return .undefined
    case .namespace(let object): return .identity(ObjectIdentifier(object))
    case .loop(let object): return .identity(ObjectIdentifier(object))
    case .macro(let object): return .identity(ObjectIdentifier(object))
    case .function(let object): return .identity(ObjectIdentifier(object))
    case .cycler(let object): return .identity(ObjectIdentifier(object))
    case .joiner(let object): return .identity(ObjectIdentifier(object))
    case .iterator(let object): return .identity(ObjectIdentifier(object))
    case .range(let object): return .identity(ObjectIdentifier(object))
    case .list, .dict, .view: throw .failure("unhashable type: '\(object.typeName)'")
    }
  }
}
