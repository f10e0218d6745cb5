// SPDX-License-Identifier: Apache-2.0
// Where requests wait for the engine thread: a bounded queue, a bell, and what others may know of the engine.

internal import Basics
internal import Synchronization

/// The only state that the engine thread shares with others.
final class Inbox: Sendable {
  private struct State {
    var waiting: [Ticket] = []
    var isClosed = false
    var onExit: [CheckedContinuation<Void, Never>] = []
    var hasExited = false
    var activity = EngineActivity()
  }

  private let state = Mutex(State())
  private let bell = Bell()
  let limit: Int

  init(limit: Int) { self.limit = limit }

  // From anywhere

  /// Queues all or none.
  func submit(_ tickets: [Ticket]) throws(GenerationProblem) {
    let refusal = state.withLock { state -> GenerationProblem? in
      if state.isClosed { return .closed }
      if state.waiting.count + tickets.count > limit { return .queueFull(limit: limit) }
      state.waiting += tickets
      return nil
    }
    if let refusal { throw refusal }
    bell.ring()
  }

  func wake() { bell.ring() }

  func close() {
    state.withLock { $0.isClosed = true }
    bell.ring()
  }

  /// Returns when the engine thread has ended.
  func exit() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if !state.hasExited { state.onExit.append(continuation) }
        return state.hasExited
      }
      if isOver { continuation.resume() }
    }
  }

  var activity: EngineActivity {
    state.withLock { state in
      var activity = state.activity
      activity.waiting = state.waiting.count
      return activity
    }
  }

  // From the engine thread

  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Sleeps until there may be something to do.
  func wait() {
    bell.wait()
    bell.silence()
  }

  /// The request that waits longest.
  var first: Ticket? { state.withLock { $0.waiting.first } }

  /// Takes out requests that are to be answered otherwise than by running.
  func take(where condition: (Ticket) -> Bool) -> [Ticket] {
    state.withLock { state in
      guard state.waiting.contains(where: condition) else { return [] }
      let taken = state.waiting.filter(condition)
      state.waiting.removeAll(where: condition)
      return taken
    }
  }

  func removeFirst() { state.withLock { _ = $0.waiting.removeFirst() } }

  func report(_ change: (inout EngineActivity) -> Void) { state.withLock { change(&$0.activity) } }

  /// Says that the thread ends. Nothing is accepted from then on.
  func leave() {
    let (waiting, continuations) = state.withLock { state in
      state.isClosed = true
      state.hasExited = true
      defer { (state.waiting, state.onExit) = ([], []) }
      return (state.waiting, state.onExit)
    }
    for ticket in waiting { ticket.finish(.cancelled, GenerationStatistics()) }
    for continuation in continuations { continuation.resume() }
  }
}

/// What an engine is doing and has done; for metrics.
public struct EngineActivity: Sendable, Equatable {
  /// Requests in the batch, and in the queue.
  public var running = 0
  public var waiting = 0
  /// Tokens the key/value cache holds room for, and how many of these are free.
  public var cacheTokens = 0
  public var freeCacheTokens = 0
  /// Finished prefixes kept for requests that begin the same.
  public var idleSequences = 0
  /// Steps made, and those in which a prompt was read while others were being answered.
  public var steps = 0
  public var mixedSteps = 0
  /// Times a running request had to give its cache to others and read its text again.
  public var preemptions = 0
  /// Tokens guessed ahead and verified, and how many of them were right.
  public var draftedTokens = 0
  public var acceptedTokens = 0

  public init() {}
}
