// SPDX-License-Identifier: Apache-2.0
// What a share is started with.

public import Store

/// Settings of a share, each with its default.
public struct ShareConfiguration: Sendable {
  /// Where to listen. 0 takes a free port.
  public var host = "0.0.0.0"
  public var port = 8090
  /// Keys of which one must come with every request; empty: no key is asked for.
  public var apiKeys: [String] = []
  /// The models to share; nil shares all of the store, also those that come later.
  public var models: Set<Reference>?
  /// Connections open at once.
  public var connectionLimit = 256
  /// How long a connection may take to its first request, and rest between two.
  public var headerTimeout = Duration.seconds(10)
  public var idleTimeout = Duration.seconds(75)
  /// How long a client may leave bytes unread once the buffers are full.
  public var stallTimeout = Duration.seconds(60)
  /// How long an answer may still take for a client that has closed its side; the connection ends after twenty times that.
  public var partingTime = Duration.milliseconds(250)
  /// How long transfers under way may go on after the signal to end.
  public var drainTime = Duration.seconds(5)
  /// Bytes of a file in memory for each transfer.
  public var chunkByteCount = 256 << 10

  /// The defaults: every network of this machine, no key.
  public init() {}
}
