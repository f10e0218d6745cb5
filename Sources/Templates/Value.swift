// SPDX-License-Identifier: Apache-2.0
// What callers hand to a template: plain data, as JSON has it.

/// A variable of a template's context.
public enum Value: Sendable, Equatable {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer that is no `Int`: its decimal digits, after a minus if it is negative.
  case wideInteger(String)
  case double(Double)
  case string(String)
  case list([Value])
  /// Entries in order; a later entry replaces an earlier one of the same key.
  case dict([Entry])

  /// One key of a dictionary and its value.
  public struct Entry: Sendable, Equatable {
    public var key: String
    public var value: Value

    public init(_ key: String, _ value: Value) {
      self.key = key
      self.value = value
    }
  }
}

extension Value {
  /// The value of a key when this is a dictionary that has it.
  public subscript(key: String) -> Value? {
    guard case .dict(let entries) = self else { return nil }
    return entries.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: Value...) { self = .list(elements) }
  public init(dictionaryLiteral elements: (String, Value)...) {
    self = .dict(elements.map { Entry($0.0, $0.1) })
  }
}
