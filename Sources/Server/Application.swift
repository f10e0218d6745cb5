// SPDX-License-Identifier: Apache-2.0
// The server put together: the table of routes, and what every request passes on its way to one.

internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// A path and a method with their endpoint.
private struct Route: Sendable {
  let method: HTTPRequest.Method
  let path: String
  let endpoint: @Sendable (API) -> @Sendable (Request, ServerContext) async throws -> Response

  static let table: [Route] = [
    Route(method: .post, path: "/v1/chat/completions") { api in { try await api.chatCompletions($0, $1) } },
    Route(method: .post, path: "/v1/completions") { api in { try await api.completions($0, $1) } },
    Route(method: .get, path: "/v1/models") { api in { try await api.models($0, $1) } },
    Route(method: .get, path: "/v1/models/**") { api in { try await api.model($0, $1) } },
    Route(method: .get, path: "/health") { api in { try await api.health($0, $1) } },
    Route(method: .get, path: "/ready") { api in { try await api.ready($0, $1) } },
    Route(method: .get, path: "/metrics") { api in { try await api.metrics($0, $1) } },
    Route(method: .post, path: "/tokenize") { api in { try await api.tokenize($0, $1) } },
    Route(method: .post, path: "/detokenize") { api in { try await api.detokenize($0, $1) } },
  ]
}

/// Everything of a running server that outlives requests.
struct ServerParts: Sendable {
  let configuration: ServerConfiguration
  let logger: Logger
  let state = ServerState()
  let counters = Counters()
  let connections = Connections()
  let pool: ModelPool

  init(_ configuration: ServerConfiguration, source: any ModelSource, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
    pool = ModelPool(source: source, configuration: configuration, counters: counters, logger: logger)
  }

  /// Begins to load the default model, so that the first request finds it.
  func preload() async {
    guard let name = configuration.defaultModel else { return }
    do {
      try await pool.preload(name)
    } catch {
      logger.error("the default model is not loaded", metadata: ["model": "\(name)", "error": "\(error)"])
    }
  }

  /// Ends all engines.
  func close() async { await pool.close() }

  /// The HTTP application.
  /// - Parameter onReady: called with the port once the server listens.
  func application(
    onReady: @escaping @Sendable (Int) async -> Void = { _ in }
  ) -> some ApplicationProtocol {
    configuration.application(router(), connections: connections, logger: logger, onReady: onReady)
  }

  private func router() -> Router<ServerContext> {
    let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: Identity(counters: counters, connections: connections))
    router.add(middleware: Origins(allowed: configuration.allowedOrigins))
    router.add(
      middleware: Hosts(
        allowed: configuration.allowedHosts, isLocal: Hosts.isLoopback(Hosts.name(of: configuration.host))))
    router.add(middleware: Keys(configuration.apiKeys))
    router.add(middleware: Draining(state: state))
    let api = API(
      configuration: configuration, pool: pool, counters: counters, connections: connections, state: state)
    for route in Route.table {
      router.on(RouterPath(route.path), method: route.method, use: route.endpoint(api))
      refuseOthers(route, router)
    }
    return router
  }

  /// 405 for a path's other methods.
  private func refuseOthers(_ route: Route, _ router: Router<ServerContext>) {
    let allow = route.method == .get ? "GET, HEAD, OPTIONS" : "\(route.method), OPTIONS"
    let others: [HTTPRequest.Method] = [.get, .post, .put, .patch, .delete, .options].filter { $0 != route.method }
    for method in others {
      router.on(RouterPath(route.path), method: method) { request, _ -> Response in
        guard request.method != .options else { return Response(status: .noContent, headers: [.allow: allow]) }
        throw APIError(
          .methodNotAllowed, "Not allowed method: \(request.method) on \(request.uri.path.prefix(256)).",
          code: "method_not_allowed", allow: allow)
      }
    }
    guard route.method != .get else { return }
    router.on(RouterPath(route.path), method: .head) { _, _ -> Response in
      throw APIError(.methodNotAllowed, "Not allowed method: HEAD.", code: "method_not_allowed", allow: allow)
    }
  }
}
