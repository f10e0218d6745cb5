// SPDX-License-Identifier: Apache-2.0
// One of several faults found by a check that goes on to the end (verify, doctor).

/// A fault at a place; a check collects them and decides its status at the end.
public struct Finding: Sendable, Equatable {
  /// How bad it is.
  public enum Severity: String, Sendable { case note, warning, error }

  /// How bad it is.
  public let severity: Severity
  /// A stable name such as `blob.corrupt`.
  public let code: String
  /// The file, blob or reference concerned.
  public let place: String
  /// What is wrong there.
  public let message: String
  /// Which bytes of the place are concerned; empty where nothing tells.
  public let ranges: [Range<Int>]

  public init(_ severity: Severity, code: String, place: String, message: String, ranges: [Range<Int>] = []) {
    self.ranges = ranges
    self.severity = severity
    self.code = code
    self.place = place
    self.message = message
  }

  /// The finding as an object for `--json`.
  public var json: JSONValue {
    var object: JSONObject = [
      "severity": .string(severity.rawValue), "code": .string(code), "place": .string(place),
      "message": .string(message),
    ]
    if !ranges.isEmpty {
      object["ranges"] = .array(
        ranges.map { ["first_byte": JSONValue($0.lowerBound), "last_byte": JSONValue($0.upperBound - 1)] })
    }
    return .object(object)
  }
}
