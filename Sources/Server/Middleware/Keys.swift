// SPDX-License-Identifier: Apache-2.0
// API keys, and the end of work while the server shuts down.

internal import Basics
internal import HTTPTypes
internal import Hummingbird

/// Asks for one of the keys on every route but `/health`.
struct Keys: RouterMiddleware {
  /// Digests of the keys: of one length, so that comparing them tells nothing of the keys' lengths.
  private let digests: [[UInt8]]

  init(_ keys: [String]) { digests = keys.map { Self.digest($0) } }

  func handle(
    _ request: Request, context: ServerContext, next: Next
  ) async throws -> Response {
    if request.uri.path != "/health" { try check(Self.key(in: request.headers)) }
    return try await next(request, context)
  }

  /// Refuses a key that is none of ours, where there are any.
  func check(_ key: String?) throws(APIError) {
    guard !digests.isEmpty else { return }
    guard let key else {
      throw APIError(
        .unauthorized, "You did not provide an API key. Send it as 'Authorization: Bearer KEY'.",
        code: "missing_api_key")
    }
    guard isValid(key) else { throw APIError(.unauthorized, "Incorrect API key provided.", code: "invalid_api_key") }
  }

  /// The key that a request shows.
  static func key(in headers: HTTPFields) -> String? {
    if let value = headers[.authorization] {
      let parts = value.split(separator: " ", maxSplits: 1)
      if parts.count == 2, parts[0].lowercased() == "bearer" { return String(parts[1].trimmed) }
    }
    return headers[.apiKey]
  }

  /// Compares with every key to the last byte, so that the time taken says nothing.
  private func isValid(_ key: String) -> Bool {
    let given = Self.digest(key)
    var isFound: UInt8 = 0
    for digest in digests {
      var difference: UInt8 = 0
      for index in given.indices { difference |= given[index] ^ digest[index] }
      isFound |= difference == 0 ? 1 : 0
    }
    return isFound == 1
  }

  private static func digest(_ text: String) -> [UInt8] { Array(Digest.of(Array(text.utf8)).hex.utf8) }
}

/// Refuses new work once the server has begun to end.
struct Draining: RouterMiddleware {
  let state: ServerState

  func handle(
    _ request: Request, context: ServerContext, next: Next
  ) async throws -> Response {
    if state.isDraining && request.uri.path != "/health" { throw APIError.draining }
    return try await next(request, context)
  }
}
