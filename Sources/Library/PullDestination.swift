// SPDX-License-Identifier: Apache-2.0
// What a pull asks of the place that keeps its files.

public import Hub
public import Basics

/// The store as a pull sees it: contents by hash, and a folder for unfinished ones.
public protocol PullDestination: Sendable {
  /// An existing folder for unfinished files, on the file system where they will stay. What lies
  /// there survives interruptions and must not be collected while a pull runs.
  var partsFolder: String { get }

  /// The SHA-256 under which a content is kept already; nil when it is not here. A content that the
  /// hub knows by its git id is found through what was recorded when it came.
  func present(_ file: RepoFile) -> Digest?

  /// Takes a verified file by renaming it away. Called from several tasks at a time.
  func adopt(_ file: DownloadedFile) throws

  /// Takes a content that another program has on this machine, if its bytes are the file's. The other's file stays.
  /// - Parameter progress: told the bytes read; throws to stop.
  /// - Returns: its SHA-256; nil when the bytes are others.
  func take(_ file: RepoFile, from path: String, progress: (Int) throws -> Void) throws -> Digest?
}
