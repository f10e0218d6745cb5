// SPDX-License-Identifier: Apache-2.0
// What a download tells its watcher. Facts only: how they look is the terminal's business.

public import Basics
internal import Synchronization

/// How far a download is.
public struct DownloadProgress: Sendable, Equatable {
  /// A file that is being fetched.
  public struct File: Sendable, Equatable {
    public let path: RepoPath
    /// Bytes on the disk so far.
    public let landedByteCount: Int
    /// The file's size.
    public let byteCount: Int
  }

  /// Bytes on the disk so far, those of earlier runs included.
  public var landedByteCount: Int
  /// Bytes of all files of this download.
  public var byteCount: Int
  /// Bytes that came over the network in this run, those fetched twice included: speed is made of these.
  public var receivedByteCount: Int
  /// Files that are complete and verified.
  public var finishedFileCount: Int
  /// All files of this download.
  public var fileCount: Int
  /// Files under way.
  public var active: [File]

  public init(
    landedByteCount: Int, byteCount: Int, receivedByteCount: Int, finishedFileCount: Int, fileCount: Int, active: [File]
  ) {
    self.landedByteCount = landedByteCount
    self.byteCount = byteCount
    self.receivedByteCount = receivedByteCount
    self.finishedFileCount = finishedFileCount
    self.fileCount = fileCount
    self.active = active
  }
}

/// Something that happened during a download. Events come from any thread.
public enum DownloadEvent: Sendable {
  /// A file is begun; `resumed` bytes of it were here from an earlier run.
  case started(RepoPath, byteCount: Int, resumed: Int)
  /// About ten times a second.
  case progress(DownloadProgress)
  /// A file is complete, and its hash is the promised one.
  case verified(RepoPath, Digest)
  /// A complete file had the wrong hash; these bytes of it are fetched once more. In a search nothing tells which of them
  /// are wrong, and it ends with them.
  case refetching(RepoPath, byteCount: Int, isSearch: Bool)
  /// A server limits requests: all requests to it wait.
  case waiting(host: String, seconds: Int)
  /// A request failed and is tried again after the pause.
  case retrying(problem: HubProblem, pause: Duration)
}

/// Counts bytes from several threads.
final class Meter: Sendable {
  private let landedCount = Atomic<Int>(0)
  private let receivedCount = Atomic<Int>(0)

  /// Bytes that count as progress.
  var landed: Int { landedCount.load(ordering: .relaxed) }
  /// Bytes from the network.
  var received: Int { receivedCount.load(ordering: .relaxed) }

  /// Adds progress; negative when bytes turn out not to count.
  func land(_ count: Int) { landedCount.add(count, ordering: .relaxed) }
  func receive(_ count: Int) { receivedCount.add(count, ordering: .relaxed) }
}
