// SPDX-License-Identifier: Apache-2.0
// Refusals as the two kinds of clients read them: the hub's with headers, the registries' as a list of errors.

internal import Basics
internal import HTTPTypes
internal import Hummingbird

/// A refusal.
struct ShareProblem: Error {
  /// Who asks.
  enum Style: Sendable { case hub, registry }

  let status: HTTPResponse.Status
  /// The hub's or the registries' name for it.
  let code: String
  let message: String
  let style: Style
  var headers: HTTPFields = [:]

  /// The hub's refusals.
  static func hub(_ status: HTTPResponse.Status, _ code: String, _ message: String) -> ShareProblem {
    ShareProblem(status: status, code: code, message: message, style: .hub)
  }

  /// The registries' refusals.
  static func registry(_ status: HTTPResponse.Status, _ code: String, _ message: String) -> ShareProblem {
    ShareProblem(status: status, code: code, message: message, style: .registry)
  }

  var response: Response {
    switch style {
    case .hub:
      var headers = headers
      if let name = HTTPField.Name("X-Error-Code") { headers[name] = code }
      if let name = HTTPField.Name("X-Error-Message") { headers[name] = message }
      return Response(["error": .string(message)], status: status, headers: headers)
    case .registry:
      return Response(
        ["errors": [["code": .string(code), "message": .string(message)]]], status: status,
        headers: headers.merging(Self.registryHeaders))
    }
  }

  /// What registries say in every answer.
  static var registryHeaders: HTTPFields {
    guard let name = HTTPField.Name("Docker-Distribution-Api-Version") else { return [:] }
    return [name: "registry/2.0"]
  }
}

extension HTTPFields {
  /// Both; the other's values win.
  func merging(_ other: HTTPFields) -> HTTPFields {
    var all = self
    for field in other { all[field.name] = field.value }
    return all
  }
}
