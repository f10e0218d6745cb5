// SPDX-License-Identifier: Apache-2.0
// The door of the module: serves until a signal, then lets answers under way finish.

public import Logging

/// Serves models over HTTP until SIGTERM or SIGINT.
///
/// At the signal new work is refused and answers under way have `drainTime` to end.
/// - Parameters:
///   - source: where models come from.
///   - onReady: called with the port once the server listens.
/// - Throws: `ServerProblem` when a setting is wrong or the address cannot be had.
public func serve(
  _ configuration: ServerConfiguration, source: any ModelSource, logger: Logger,
  onReady: @escaping @Sendable (Int) async -> Void = { _ in }
) async throws {
  try configuration.validate()
  try await Serving(configuration, source: source, logger: logger, hearsSignals: true, onReady: onReady).run()
}
