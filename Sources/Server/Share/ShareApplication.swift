// SPDX-License-Identifier: Apache-2.0
// The share put together: what every request passes on its way to one of the two protocols.

internal import Basics
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Store

/// Everything of a running share.
struct ShareParts: Sendable {
  let configuration: ShareConfiguration
  let models: SharedModels
  let logger: Logger
  let connections = Connections()

  init(_ configuration: ShareConfiguration, store: ModelStore, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
    models = SharedModels(store, wanted: configuration.models)
  }

  /// The HTTP application.
  func application(onReady: @escaping @Sendable (Int) async -> Void) -> some ApplicationProtocol {
    configuration.application(router(), connections: connections, logger: logger, onReady: onReady)
  }

  private func router() -> Router<ServerContext> {
    let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: ShareRefusals(connections: connections))
    router.add(middleware: Origins(allowed: []))
    router.add(middleware: Hosts(allowed: [], isLocal: Hosts.isLoopback(Hosts.name(of: configuration.host))))
    router.add(middleware: ShareKeys(Keys(configuration.apiKeys)))
    let hub = HubRoutes(models: models, chunkByteCount: configuration.chunkByteCount)
    let registry = RegistryRoutes(models: models, chunkByteCount: configuration.chunkByteCount)
    let answer: @Sendable (Request, ServerContext) async throws -> Response = { request, _ in
      let path = try Self.parts(of: request)
      return path.first == "v2"
        ? try await registry.answer(request, Array(path.dropFirst())) : try await hub.answer(request, path)
    }
    for path in ["/", "/**"] {
      router.get(RouterPath(path), use: answer)
      for method in [HTTPRequest.Method.post, .put, .patch, .delete, .options] {
        router.on(RouterPath(path), method: method) { request, _ -> Response in
          throw ShareProblem(
            status: .methodNotAllowed, code: "UNSUPPORTED", message: "This server can only be read.",
            style: Self.style(request), headers: [.allow: "GET, HEAD"])
        }
      }
    }
    return router
  }

  /// Whose protocol a path belongs to.
  static func style(_ request: Request) -> ShareProblem.Style {
    request.uri.path == "/v2" || request.uri.path.hasPrefix("/v2/") ? .registry : .hub
  }

  /// The path's parts, each decoded by itself: an encoded slash is part of a name, of a branch for example.
  private static func parts(of request: Request) throws -> [String] {
    var parts: [String] = []
    for part in request.uri.path.split(separator: "/", omittingEmptySubsequences: true) {
      guard let text = decoded(part), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
        throw ShareProblem(
          status: .badRequest, code: "NAME_INVALID", message: "The path is not UTF-8.", style: style(request))
      }
      parts.append(text)
    }
    return parts
  }

  /// Percent-decoded; nil for what is no UTF-8, or a `%` without two digits.
  private static func decoded(_ part: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(part.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
      guard digits.count == 2 else { return nil }
      bytes.append(UInt8(digits[0] * 16 + digits[1]))
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

/// Outermost: answers for errors, and logs.
struct ShareRefusals: RouterMiddleware {
  let connections: Connections

  func handle(_ request: Request, context: ServerContext, next: Next) async throws -> Response {
    let response: Response
    do {
      // Whoever sends a body to be read from wants something else.
      if request.method == .get || request.method == .head, (request.headers[.contentLength] ?? "0") != "0" {
        connections[context.channel]?.closeSoon()
        throw ShareProblem(
          status: .contentTooLarge, code: "SIZE_INVALID", message: "No body is read.", style: ShareParts.style(request))
      }
      response = try await next(request, context)
    } catch {
      response = answer(error, request, context)
    }
    context.logger.info(
      "\(request.method) \(request.uri.path)", metadata: ["status": "\(response.status.code)"])
    return response
  }

  private func answer(_ error: any Error, _ request: Request, _ context: ServerContext) -> Response {
    switch error {
    case let problem as ShareProblem: return problem.response
    case let error as APIError:
      var problem = ShareProblem(
        status: error.status, code: "DENIED", message: error.message, style: ShareParts.style(request))
      if error.status == .unauthorized { problem.headers[.wwwAuthenticate] = "Basic realm=\"impetus\"" }
      return problem.response
    case let error as HTTPError:
      return ShareProblem(
        status: error.status, code: "UNSUPPORTED", message: error.body ?? "The request cannot be answered.",
        style: ShareParts.style(request)
      ).response
    default:
      // Paths of this machine are not for the client.
      context.logger.error("request failed", metadata: ["error": "\(error)"])
      return ShareProblem(
        status: .internalServerError, code: "UNKNOWN", message: "The content cannot be read.",
        style: ShareParts.style(request)
      ).response
    }
  }
}

/// Asks for a key: as the hub's clients send tokens, or as the password of any name, which is what registries' clients
/// can send.
struct ShareKeys: RouterMiddleware {
  private let keys: Keys

  init(_ keys: Keys) { self.keys = keys }

  func handle(_ request: Request, context: ServerContext, next: Next) async throws -> Response {
    var key = Keys.key(in: request.headers)
    if let value = request.headers[.authorization], value.lowercased().hasPrefix("basic "),
      let bytes = Base64.decode(value.utf8.dropFirst(6)), let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
    {
      key = String(decoding: bytes[(colon + 1)...], as: UTF8.self)
    }
    try keys.check(key)
    return try await next(request, context)
  }
}
