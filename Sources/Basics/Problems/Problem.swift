// SPDX-License-Identifier: Apache-2.0
// The shape of every error a user may see: what failed, why, and what to do about it.

/// An error written for its reader.
///
/// Each module has one enum that conforms; typed throws carry it to the module's edge.
public protocol Problem: Error, Sendable, CustomStringConvertible {
  /// A stable name such as `store.digest-mismatch`: the same in `--json`, logs and API errors.
  var code: String { get }
  /// What failed, naming the thing: one sentence without a full stop.
  var what: String { get }
  /// Why, with numbers where there are any.
  var why: String? { get }
  /// What the reader can do, a command where possible.
  var remedy: String? { get }
  /// The exit code the command ends with.
  var status: ExitStatus { get }
}

extension Problem {
  public var why: String? { nil }
  public var remedy: String? { nil }
  public var status: ExitStatus { .failure }

  /// What and why on one line.
  public var description: String {
    if let why { "\(what): \(why)" } else { what }
  }

  /// The object printed on stderr when a command was asked for JSON.
  public var json: JSONValue {
    var fields = JSONObject()
    fields["code"] = .string(code)
    fields["message"] = .string(what)
    if let why { fields["why"] = .string(why) }
    if let remedy { fields["remedy"] = .string(remedy) }
    fields["status"] = .integer(Int64(status.rawValue))
    return .object(["error": .object(fields)])
  }
}
