// SPDX-License-Identifier: Apache-2.0
// A page that makes a name of its own point to 127.0.0.1 (DNS rebinding) passes every check of origins;
// what it cannot forge is the Host its browser sends.

internal import Hummingbird

/// Refuses requests under foreign names while the server listens on a loopback address only.
struct Hosts: RouterMiddleware {
  let allowed: [String]
  /// Whether the server can be reached from this machine alone.
  let isLocal: Bool

  func handle(
    _ request: Request, context: ServerContext, next: Next
  ) async throws -> Response {
    if isLocal && !allowed.contains("*"), let authority = request.head.authority {
      let name = Self.name(of: authority)
      guard Self.isLoopback(name) || allowed.contains(name) else {
        throw APIError(
          .forbidden, "The server does not answer to the name \(name.prefix(256)).", type: "permission_error",
          code: "host_not_allowed")
      }
    }
    return try await next(request, context)
  }

  /// The name in `name:port`, an IPv6 address without its brackets; in lower case.
  static func name(of authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return authority[authority.index(after: authority.startIndex)..<end].lowercased()
    }
    return authority.prefix { $0 != ":" }.lowercased()
  }

  /// Whether a name can only mean this machine.
  static func isLoopback(_ name: String) -> Bool {
    if name == "localhost" || name.hasSuffix(".localhost") || name == "::1" { return true }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}
