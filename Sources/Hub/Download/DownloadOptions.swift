// SPDX-License-Identifier: Apache-2.0
// The sizes a download works with.

/// How a download is spread over connections.
public struct DownloadOptions: Sendable {
  /// Connections at a time, all files together.
  public var connections: Int
  /// Smallest and largest range asked for at once, in bytes.
  package var rangeByteCounts = (8 << 20)...(32 << 20)
  /// Size of a block: what an interruption can cost each connection.
  package var blockByteCount = 1 << 20
  /// How long a file that another process fetches is waited for between two looks.
  package var lockPause = Duration.milliseconds(200)

  /// - Parameter connections: 1 to 64; 12 saturate the hub's links in most places.
  public init(connections: Int = Self.usualConnections) { self.connections = min(max(connections, 1), 64) }

  /// Connections unless somebody says otherwise.
  public static let usualConnections = 12

  /// Blocks of a range: every connection gets at least two of them, within the bounds.
  func rangeBlocks(for layout: BlockLayout) -> Int {
    let even = layout.byteCount / (connections * 2)
    let byteCount = min(max(even, rangeByteCounts.lowerBound), rangeByteCounts.upperBound)
    return max(1, byteCount / blockByteCount)
  }

  /// A range is not split into parts below this.
  var leastSplitBlocks: Int { 2 }
  /// Buffers between the network and the disk: one a connection to fill, and a queue.
  var bufferCount: Int { connections + 8 }
}
