// SPDX-License-Identifier: Apache-2.0
// What a pull need not fetch: contents that the hub's Python client, or another store, has on this machine.

internal import Basics
public import Hub
internal import Quantization
internal import Synchronization

/// A content on this machine that a pull can take.
public struct CachedContent: Sendable, Equatable {
  /// Who has it.
  public enum Keeper: Sendable {
    /// Another store, of those that are searched for models.
    case store
    /// The cache of the hub's Python client.
    case hubCache
  }

  /// What it is at the hub.
  public let file: RepoFile
  /// Where it lies.
  public let path: String
  /// Whose it is.
  public let keeper: Keeper
  /// Whether taking it writes its bytes once more.
  public let needsCopy: Bool
}

/// Takes contents of others on this machine.
struct CacheBorrowing {
  let destination: any PullDestination

  /// Takes contents whose bytes are the promised ones, several at a time.
  /// - Parameter progress: told the bytes done.
  /// - Returns: digests of those taken. The others were damaged, or have gone.
  func take(_ contents: [CachedContent], progress: @escaping @Sendable (Int) -> Void) async throws
    -> [ContentIdentity: Digest]
  {
    if contents.isEmpty { return [:] }
    let destination = destination
    let taken = Mutex<[ContentIdentity: Digest]>([:])
    let done = Atomic<Int>(0)
    let isEnded = try await WorkOnThread.value("cache") { isCancelled in
      try Workers.run(count: contents.count, threads: Processor.usableCores) { index in
        let content = contents[index]
        do {
          let digest = try destination.take(content.file, from: content.path) { count in
            if isCancelled() { throw CancellationError() }
            progress(done.add(count, ordering: .relaxed).newValue)
          }
          if let digest { taken.withLock { $0[content.file.identity] = digest } }
        } catch let problem as FileProblem where problem.status != .doesNotFit {
          // Removed meanwhile, or not readable for us: it is fetched.
        }
      }
      return isCancelled()
    }
    if isEnded { throw HubProblem.cancelled }
    return taken.withLock { $0 }
  }
}
