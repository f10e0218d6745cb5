// SPDX-License-Identifier: Apache-2.0
// What every server of this program has in common: how it listens, and how its life ends.

internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// Where a server listens and how long it bears with clients.
protocol ListeningSettings: Sendable {
  var host: String { get }
  var port: Int { get }
  var connectionLimit: Int { get }
  var headerTimeout: Duration { get }
  var idleTimeout: Duration { get }
  var stallTimeout: Duration { get }
  var partingTime: Duration { get }
}

extension ServerConfiguration: ListeningSettings {}
extension ShareConfiguration: ListeningSettings {}

extension ListeningSettings {
  /// The HTTP application of a router.
  /// - Parameter onReady: called with the port once it listens.
  func application(
    _ router: Router<ServerContext>, connections: Connections, logger: Logger,
    onReady: @escaping @Sendable (Int) async -> Void
  ) -> some ApplicationProtocol {
    let (headerTimeout, stallTimeout, partingTime) = (headerTimeout, stallTimeout, partingTime)
    return Application(
      router: router,
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [
            ConnectionHandler(
              connections, headerTimeout: headerTimeout, stallTimeout: stallTimeout, partingTime: partingTime)
          ],
          idleTimeout: TimeAmount(idleTimeout))),
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port), serverName: "impetus",
        availableConnectionsDelegate: MaximumAvailableConnections(connectionLimit, logger: logger)),
      onServerRunning: { await onReady($0.localAddress?.port ?? 0) }, logger: logger)
  }

  /// Runs the services of a server until they end.
  /// - Parameters:
  ///   - hasBegun: set once it listens; what fails before that is that it cannot.
  ///   - endsWell: whether an end by an error, once it has begun, is how it was to end.
  /// - Throws: `ServerProblem.cannotListen`.
  func run(_ group: ServiceGroup, hasBegun: Flag, endsWell: () -> Bool) async throws {
    do {
      try await group.run()
    } catch {
      guard hasBegun.isSet else { throw ServerProblem.cannotListen(host: host, port: port, reason: "\(error)") }
      // Past the drain time what still runs is cancelled.
      if !endsWell() { throw error }
    }
  }
}

/// A flag set once.
final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}
