// SPDX-License-Identifier: Apache-2.0
// A file that several servers have: when one fails, the next goes on at the same byte. The hash in the listing decides
// about the whole, so that it does not matter who brought which part.

internal import Synchronization

extension HubClient {
  /// A file at the endpoint, and at the mirrors where there are any.
  func source(of file: RepoFile, in repository: RepoID, at commit: CommitID) throws(HubProblem) -> any ContentSource {
    var sources: [any ContentSource] = []
    for one in all { sources.append(try ResolveSource(one, file, of: repository, at: commit)) }
    return sources.count == 1 ? sources[0] : MirroredSource(sources)
  }
}

/// Several sources of one content.
final class MirroredSource: ContentSource {
  private struct State {
    var current = 0
    /// Failures in a row of each source.
    var failures: [Int]
    /// Sources that will not do.
    var isDead: [Bool]
  }

  private let sources: [any ContentSource]
  private let state: Mutex<State>
  /// Failures in a row after which another source is tried.
  private static let patience = 2

  init(_ sources: [any ContentSource]) {
    self.sources = sources
    let count = sources.count
    state = Mutex(
      State(failures: Array(repeating: 0, count: count), isDead: Array(repeating: false, count: count)))
  }

  func fetch(into sink: RangeSink) async throws(FetchFailure) {
    let index = state.withLock { $0.current }
    do throws(FetchFailure) {
      try await sources[index].fetch(into: sink)
      state.withLock { $0.failures[index] = 0 }
    } catch {
      throw judge(error, of: index)
    }
  }

  func distrust() {
    state.withLock { state in _ = Self.advance(&state, from: state.current) }
  }

  /// Goes on to another source where that is of use.
  private func judge(_ failure: FetchFailure, of index: Int) -> FetchFailure {
    switch failure {
    case .final(.cancelled), .final(.diskFull), .final(.file): return failure
    // Ranges that another server gives are better than a whole file from this one.
    case .final, .rangeIgnored:
      return state.withLock { state in
        state.isDead[index] = true
        return Self.advance(&state, from: index) ? .transient(failure.problem, wait: .zero) : failure
      }
    case .transient(let problem, let wait):
      return state.withLock { state in
        state.failures[index] += 1
        // A server that names a time to come back is left at once.
        guard state.failures[index] >= Self.patience || wait.map({ $0 > .zero }) ?? false else { return failure }
        return Self.advance(&state, from: index) ? .transient(problem, wait: .zero) : failure
      }
    }
  }

  /// Makes the next living source the current one; false when there is no other.
  private static func advance(_ state: inout State, from index: Int) -> Bool {
    // Whoever shared the source has moved on already.
    guard state.current == index else { return true }
    let count = state.isDead.count
    for step in 1..<count where !state.isDead[(index + step) % count] {
      state.current = (index + step) % count
      state.failures[state.current] = 0
      return true
    }
    return false
  }
}
