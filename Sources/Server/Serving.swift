// SPDX-License-Identifier: Apache-2.0
// The life of a server: it listens, serves, hears of its end, drains.

internal import Hummingbird
package import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// A server from its start to its end.
package struct Serving: Sendable {
  private let parts: ServerParts
  private let group: ServiceGroup
  private let hasBegun = Flag()

  /// - Parameters:
  ///   - hearsSignals: ends at SIGTERM and SIGINT; otherwise only at `shutDown`.
  ///   - onReady: called with the port once the server listens.
  package init(
    _ configuration: ServerConfiguration, source: any ModelSource, logger: Logger, hearsSignals: Bool,
    onReady: @escaping @Sendable (Int) async -> Void
  ) {
    let parts = ServerParts(configuration, source: source, logger: logger)
    let hasBegun = hasBegun
    let service = DrainingService(state: parts.state) {
      try await parts.application(onReady: { port in
        hasBegun.set()
        await parts.preload()
        await onReady(port)
      }).run()
    }
    var settings = ServiceGroupConfiguration(
      services: [service], gracefulShutdownSignals: hearsSignals ? [.sigterm, .sigint] : [], logger: logger)
    settings.maximumGracefulShutdownDuration = configuration.drainTime
    group = ServiceGroup(configuration: settings)
    self.parts = parts
  }

  /// Serves until the end.
  /// - Throws: `ServerProblem.cannotListen`.
  package func run() async throws {
    try await parts.configuration.run(group, hasBegun: hasBegun, endsWell: { parts.state.isDraining })
    await parts.close()
  }

  /// Begins the end: no new work, and answers under way have their time.
  package func shutDown() async { await group.triggerGracefulShutdown() }
}

/// The server as a service that hears of a shutdown first.
private struct DrainingService: Service {
  let state: ServerState
  let body: @Sendable () async throws -> Void

  func run() async throws {
    let state = state
    try await withGracefulShutdownHandler {
      try await body()
    } onGracefulShutdown: {
      state.drain()
    }
  }
}
