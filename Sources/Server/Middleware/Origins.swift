// SPDX-License-Identifier: Apache-2.0
// Which web pages may use the server: those of this machine, and those that were allowed. A browser sends
// the Origin of every page that asks; programs send none.

internal import HTTPTypes
internal import Hummingbird

/// Cross-origin rules (CORS), and a refusal for pages from elsewhere.
struct Origins: RouterMiddleware {
  let allowed: [String]

  func handle(
    _ request: Request, context: ServerContext, next: Next
  ) async throws -> Response {
    guard let origin = request.headers[.origin] else { return try await next(request, context) }
    guard isAllowed(origin) else {
      throw APIError(
        .forbidden, "Pages from \(origin.prefix(256)) may not use this server.", type: "permission_error",
        code: "origin_not_allowed")
    }
    var response: Response
    if request.method == .options, let method = request.headers[.accessControlRequestMethod] {
      response = Response(status: .noContent)
      response.headers[.accessControlAllowMethods] = method
      response.headers[.accessControlAllowHeaders] = request.headers[.accessControlRequestHeaders] ?? "*"
      response.headers[.accessControlMaxAge] = "600"
    } else {
      do {
        response = try await next(request, context)
      } catch {
        // The page is to be able to read why.
        response = Response(Identity.known(error, request))
      }
      response.headers[.accessControlExposeHeaders] = "X-Request-Id, X-Impetus-Ignored, Retry-After"
    }
    response.headers[.accessControlAllowOrigin] = origin
    response.headers[.vary] = "Origin"
    return response
  }

  private func isAllowed(_ origin: String) -> Bool {
    if allowed.contains("*") || allowed.contains(origin) { return true }
    guard let scheme = ["http://", "https://"].first(where: { origin.hasPrefix($0) }) else { return false }
    return Hosts.isLoopback(Hosts.name(of: String(origin.dropFirst(scheme.count))))
  }
}
