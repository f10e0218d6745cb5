// SPDX-License-Identifier: Apache-2.0
// What a pull asks of the place that keeps its files.

public import Hub
public import Basics

/// The store as a plan sees it: contents by hash, and the file system of unfinished ones.
public protocol PullSource: Sendable {
  /// A folder on the file system where the files are or will be; `PullDestination` says more.
  var partsFolder: String { get }

  /// The SHA-256 under which a content is kept already; nil when it is not here. A content that the
  /// hub knows by its git id is found through what was recorded when it came.
  func present(_ file: RepoFile) -> Digest?
}

/// The store as a pull sees it. Its `partsFolder` exists, on the file system where the files will stay; what lies there
/// survives interruptions and must not be collected while a pull runs.
public protocol PullDestination: PullSource {
  /// Takes a verified file by renaming it away. Called from several tasks at a time.
  func adopt(_ file: DownloadedFile) throws

  /// Takes a content that another program has on this machine, if its bytes are the file's. The other's file stays.
  /// - Parameter progress: told the bytes read; throws to stop.
  /// - Returns: its SHA-256; nil when the bytes are others.
  func take(_ file: RepoFile, from path: String, progress: (Int) throws -> Void) throws -> Digest?
}
