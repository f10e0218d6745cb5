// SPDX-License-Identifier: Apache-2.0
// Outermost: gives the request its name, turns errors into bodies, counts and logs.

internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// Names, answers for errors, counts and logs every request.
struct Identity: RouterMiddleware {
  let counters: Counters
  let connections: Connections

  func handle(
    _ request: Request, context: ServerContext, next: Next
  ) async throws -> Response {
    var context = context
    context.requestID = Self.name(request.headers[.requestID])
    context.logger[metadataKey: "request"] = "\(context.requestID)"
    let begin = ContinuousClock.now
    var response: Response
    do {
      response = try await next(request, context)
    } catch {
      response = answer(error, request, context)
    }
    response.headers[.requestID] = context.requestID
    counters.responded(response.status.code)
    context.logger.info(
      "\(request.method) \(request.uri.path)",
      metadata: [
        "status": "\(response.status.code)",
        "ms": "\(Int(((ContinuousClock.now - begin) / .milliseconds(1)).rounded()))",
      ])
    return response
  }

  /// What a client is told of an error, those of the router too.
  static func known(_ error: any Error, _ request: Request) -> APIError {
    switch error {
    case let error as HTTPError where error.status == .notFound:
      APIError(
        .notFound, "Unknown request URL: \(request.method) \(request.uri.path.prefix(256)).", code: "unknown_url")
    case let error as HTTPError:
      APIError(error.status, error.body ?? "The request cannot be answered.", code: "invalid_request")
    default: APIError(error)
    }
  }

  private func answer(_ error: any Error, _ request: Request, _ context: ServerContext) -> Response {
    let known = Self.known(error, request)
    if known.status == .internalServerError { context.logger.error("request failed", metadata: ["error": "\(error)"]) }
    // What is left of such a body is not worth reading.
    if known.status == .contentTooLarge { connections[context.channel]?.closeSoon() }
    counters.refused(known.code ?? known.type)
    return Response(known)
  }

  /// The client's name if it is fit to be repeated, else a new one.
  private static func name(_ given: String?) -> String {
    guard let given, (1...128).contains(given.utf8.count), given.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      return "req_\(AnswerHeader.letters(24))"
    }
    return given
  }
}
