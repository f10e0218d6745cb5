// SPDX-License-Identifier: Apache-2.0
// GET /health, /ready, /metrics: for those who watch over the server.

internal import Basics
internal import Hummingbird
internal import Inference

extension API {
  /// The process answers.
  func health(_ request: Request, _ context: ServerContext) async throws -> Response {
    Response(["status": .string(state.isDraining ? "draining" : "ok")])
  }

  /// The default model is in memory; without one, the server takes work.
  func ready(_ request: Request, _ context: ServerContext) async throws -> Response {
    if let name = configuration.defaultModel {
      let model: ServableModel
      do {
        model = try await pool.find(name)
      } catch {
        throw APIError(error, model: name)
      }
      guard await pool.isLoaded(model.name) else {
        throw APIError(
          .serviceUnavailable, "The model '\(name)' is not loaded yet.", type: "server_error", code: "loading",
          retryAfter: 1)
      }
    }
    return Response(["status": "ready", "models": .array(await pool.loaded.map { .string($0.name) })])
  }

  /// Counts for Prometheus.
  func metrics(_ request: Request, _ context: ServerContext) async throws -> Response {
    let engines = await pool.loaded.map { (model: $0.name, activity: $0.session.activity) }
    let page = MetricsPage(counters.current, engines: engines, connections: connections.count)
    return Response(text: page.text, type: "text/plain; version=0.0.4; charset=utf-8")
  }
}
