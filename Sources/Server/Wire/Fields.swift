// SPDX-License-Identifier: Apache-2.0
// A request's body, checked against the table of parameters: every field is known to be of its type and
// within its range, or the request is refused with the field's name.

internal import Basics
internal import HTTPTypes

/// A field's value, absent and null kept apart.
enum Given<Value> {
  case absent
  case null
  case value(Value)

  /// The value; nil for absent and null alike.
  var optional: Value? { if case .value(let value) = self { value } else { nil } }
}

/// The checked fields of a request.
struct Fields {
  private var values: [String: JSONValue] = [:]
  private var nulls: Set<String> = []
  /// Fields that have no effect, in their order.
  private(set) var ignored: [String] = []

  /// Checks a body.
  init(_ body: JSONValue, for endpoint: Endpoint) throws(APIError) {
    guard case .object(let object) = body else {
      throw APIError(
        .badRequest, "The request body must be a JSON object, but is \(body.kindName).", code: "invalid_type")
    }
    for (name, value) in object {
      guard let parameter = Parameter.named(name, at: endpoint) else {
        ignored.append(name)
        continue
      }
      if value.isNull {
        nulls.insert(parameter.name)
        continue
      }
      try check(name, value, parameter)
      if name == parameter.name || values[parameter.name] == nil { values[parameter.name] = value }
    }
  }

  private mutating func check(_ name: String, _ value: JSONValue, _ parameter: Parameter) throws(APIError) {
    switch parameter.kind {
    case .number(let range):
      guard let number = value.doubleValue else { throw Self.wrongType(name, "a number", value) }
      try Self.check(name, number, range)
    case .integer(let range):
      guard let number = value.intValue else { throw Self.wrongType(name, "an integer", value) }
      try Self.check(name, number, range)
    case .flag: if value.boolValue == nil { throw Self.wrongType(name, "a boolean", value) }
    case .text: if value.stringValue == nil { throw Self.wrongType(name, "a string", value) }
    case .object: if value.objectValue == nil { throw Self.wrongType(name, "an object", value) }
    case .own: break
    case .ignored: ignored.append(name)
    case .refused(let harmless):
      guard harmless.contains(value) else {
        throw .unsupported(name, "'\(name)' is not supported by this server.")
      }
    }
  }

  static func wrongType(_ name: String, _ expected: String, _ value: JSONValue) -> APIError {
    .invalid(
      name, "Invalid type for '\(name)': expected \(expected), but got \(value.kindName) instead.", code: "invalid_type"
    )
  }

  private static func check<Number: Comparable>(
    _ name: String, _ number: Number, _ range: ClosedRange<Number>
  ) throws(APIError) {
    if number < range.lowerBound {
      throw .invalid(
        name, "Invalid '\(name)': expected a value >= \(range.lowerBound), but got \(number) instead.",
        code: "below_min_value")
    }
    guard range.contains(number) else {
      throw .invalid(
        name, "Invalid '\(name)': expected a value <= \(range.upperBound), but got \(number) instead.",
        code: "above_max_value")
    }
  }

  // Values: of the types the table says, so none of these can fail.

  func given(_ name: String) -> Given<JSONValue> {
    if let value = values[name] { return .value(value) }
    return nulls.contains(name) ? .null : .absent
  }

  func double(_ name: String) -> Double? { values[name]?.doubleValue }
  func integer(_ name: String) -> Int? { values[name]?.intValue }
  func text(_ name: String) -> String? { values[name]?.stringValue }
  func object(_ name: String) -> JSONObject? { values[name]?.objectValue }
  func flag(_ name: String) -> Bool { values[name]?.boolValue ?? false }
}
