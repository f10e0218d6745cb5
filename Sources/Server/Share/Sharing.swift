// SPDX-License-Identifier: Apache-2.0
// The life of a share: it listens, serves, hears of its end.

internal import Hummingbird
public import Logging
internal import ServiceLifecycle
public import Store

/// A share from its start to its end.
public final class Sharing: Sendable {
  private let configuration: ShareConfiguration
  private let group: ServiceGroup
  private let hasBegun = Flag()

  private struct Listening: Service {
    let body: @Sendable () async throws -> Void
    func run() async throws { try await body() }
  }

  /// - Parameter onReady: called with the port once the share listens.
  public init(
    _ configuration: ShareConfiguration, store: ModelStore, logger: Logger,
    onReady: @escaping @Sendable (Int) async -> Void
  ) {
    let parts = ShareParts(configuration, store: store, logger: logger)
    let hasBegun = hasBegun
    let service = Listening {
      try await parts.application(onReady: { port in
        hasBegun.set()
        await onReady(port)
      }).run()
    }
    var settings = ServiceGroupConfiguration(services: [service], logger: logger)
    settings.maximumGracefulShutdownDuration = configuration.drainTime
    group = ServiceGroup(configuration: settings)
    self.configuration = configuration
  }

  /// Shares until `shutDown`.
  /// - Throws: `ServerProblem.cannotListen`.
  public func run() async throws {
    try await configuration.run(group, hasBegun: hasBegun, endsWell: { true })
  }

  /// Begins the end: no new connections, and transfers under way have a few seconds.
  public func shutDown() async { await group.triggerGracefulShutdown() }
}
