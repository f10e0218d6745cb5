// SPDX-License-Identifier: Apache-2.0
// Two JSON documents compared value by value; the order of keys does not matter.

public import Basics

/// A value that one side has and the other has not, or has differently.
public struct JSONChange: Sendable, Equatable {
  /// Keys and positions from the top, between dots.
  public let path: String
  /// The value on each side; nil where there is none.
  public let left: JSONValue?
  public let right: JSONValue?

  public init(path: String, left: JSONValue?, right: JSONValue?) {
    self.path = path
    self.left = left
    self.right = right
  }

  var json: JSONValue {
    var object: JSONObject = ["path": .string(path)]
    object["left"] = left
    object["right"] = right
    return .object(object)
  }
}

/// All differences of two documents, as far as they are kept.
public struct JSONDifference: Sendable, Equatable {
  /// The first ones, in the order of the documents.
  public private(set) var changes: [JSONChange] = []
  /// How many there are.
  public private(set) var count = 0
  /// Vocabularies have hundreds of thousands of entries: only so many differences are kept.
  static let limit = 1000

  public init() {}

  /// Compares two documents; nil is a document that is missing.
  public init(_ left: JSONValue?, _ right: JSONValue?, place: String = "") { compare(left, right, place) }

  mutating func add(_ change: JSONChange) {
    count += 1
    if changes.count < Self.limit { changes.append(change) }
  }

  private mutating func compare(_ left: JSONValue?, _ right: JSONValue?, _ path: String) {
    if left == right { return }
    func below(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
    if case .object(let one) = left, case .object(let other) = right {
      for (key, value) in one { compare(value, other[key], below(key)) }
      for (key, value) in other where one[key] == nil { compare(nil, value, below(key)) }
    } else if case .array(let one) = left, case .array(let other) = right, max(one.count, other.count) > 16 {
      for index in 0..<max(one.count, other.count) {
        compare(index < one.count ? one[index] : nil, index < other.count ? other[index] : nil, below("\(index)"))
      }
    } else {
      add(JSONChange(path: path, left: left, right: right))
    }
  }
}
