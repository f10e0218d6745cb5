// SPDX-License-Identifier: Apache-2.0
// Typed, range-checked reading of config.json. A key that is null counts as absent, as in transformers.

internal import Basics

/// An object of config.json with the path it was found at.
struct ConfigReader {
  let object: JSONObject
  /// Where the object lies, for messages: empty at the top, else `rope_scaling.` and the like.
  let prefix: String
  /// Where the tensors lie that the config describes.
  let naming: TensorNaming

  init(_ object: JSONObject, prefix: String = "", naming: TensorNaming = .plain) {
    self.object = object
    self.prefix = prefix
    self.naming = naming
  }

  /// The value, unless it is absent or null.
  func value(_ key: String) -> JSONValue? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func has(_ key: String) -> Bool { value(key) != nil }

  func problem(_ key: String, _ reason: String) -> ModelProblem {
    .invalidConfig(key: prefix + key, reason: reason)
  }

  /// An integer within a range; nil when absent.
  func optionalInt(_ key: String, in range: ClosedRange<Int>) throws(ModelProblem) -> Int? {
    guard let value = value(key) else { return nil }
    guard let number = value.intValue else { throw problem(key, "an integer is needed, \(value.kindName) was found") }
    guard range.contains(number) else {
      throw problem(key, "\(number) is outside \(range.lowerBound)...\(range.upperBound)")
    }
    return number
  }

  /// An integer within a range.
  func int(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil) throws(ModelProblem) -> Int {
    if let number = try optionalInt(key, in: range) { return number }
    guard let fallback else { throw problem(key, "it is missing") }
    return fallback
  }

  /// A finite number within a range; nil when absent.
  func optionalDouble(_ key: String, in range: ClosedRange<Double>) throws(ModelProblem) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.doubleValue, number.isFinite else {
      throw problem(key, "a number is needed, \(value.kindName) was found")
    }
    guard range.contains(number) else {
      throw problem(key, "\(number) is outside \(range.lowerBound)...\(range.upperBound)")
    }
    return number
  }

  /// A finite number within a range.
  func double(
    _ key: String, in range: ClosedRange<Double>, default fallback: Double? = nil
  ) throws(ModelProblem) -> Double {
    if let number = try optionalDouble(key, in: range) { return number }
    guard let fallback else { throw problem(key, "it is missing") }
    return fallback
  }

  func bool(_ key: String, default fallback: Bool) throws(ModelProblem) -> Bool {
    guard let value = value(key) else { return fallback }
    guard let flag = value.boolValue else { throw problem(key, "true or false is needed, \(value.kindName) was found") }
    return flag
  }

  func optionalString(_ key: String) throws(ModelProblem) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.stringValue else { throw problem(key, "a string is needed, \(value.kindName) was found") }
    return text
  }

  /// A nested object; nil when absent.
  func nested(_ key: String) throws(ModelProblem) -> ConfigReader? {
    guard let value = value(key) else { return nil }
    guard let object = value.objectValue else {
      throw problem(key, "an object is needed, \(value.kindName) was found")
    }
    return ConfigReader(object, prefix: "\(prefix)\(key).", naming: naming)
  }

  /// Numbers in a list; nil when absent.
  func numbers(_ key: String, in range: ClosedRange<Double>) throws(ModelProblem) -> [Double]? {
    guard let items = try list(key) else { return nil }
    var numbers: [Double] = []
    for item in items {
      guard let number = item.doubleValue, number.isFinite, range.contains(number) else {
        throw problem(key, "numbers within \(range.lowerBound)...\(range.upperBound) are needed")
      }
      numbers.append(number)
    }
    return numbers
  }

  /// Strings in a list; nil when absent.
  func strings(_ key: String) throws(ModelProblem) -> [String]? {
    guard let items = try list(key) else { return nil }
    var strings: [String] = []
    for item in items {
      guard let text = item.stringValue else { throw problem(key, "strings are needed") }
      strings.append(text)
    }
    return strings
  }

  private func list(_ key: String) throws(ModelProblem) -> [JSONValue]? {
    guard let value = value(key) else { return nil }
    guard let items = value.arrayValue else { throw problem(key, "a list is needed, \(value.kindName) was found") }
    guard items.count <= 65536 else { throw problem(key, "\(items.count) entries are too many") }
    return items
  }
}
