// SPDX-License-Identifier: Apache-2.0
// A file's bytes in their order, brought by several connections, without a disk: for whoever needs each byte once. What
// is in memory is bounded by a window that moves with the consumer.

internal import Basics
internal import Synchronization

/// One pass over the bytes of a file of the hub.
public final class ContentStream: Sendable {
  /// Takes the bytes at an offset, in order and without gaps. Called on one thread at a time, never the cooperative pool's.
  public typealias Consumer = @Sendable (_ offset: Int, _ bytes: UnsafeBufferPointer<UInt8>) throws -> Void

  private struct State {
    /// The next block that nobody fetches yet.
    var next: Int
    /// The next block for the consumer's queue, and how many it is done with.
    var queued: Int
    var consumed: Int
    /// Blocks that came before their turn.
    var early: [Int: BlockBuffer] = [:]
    /// The server sends only the whole file, over one connection.
    var isWhole = false
    var isWholeTaken = false
    var failure: (any Error)?
  }

  private let file: RepoFile
  private let source: any ContentSource
  private let courier: Courier
  private let layout: BlockLayout
  private let connections: Int
  private let blocks: Range<Int>
  private let consumer: Consumer
  private let thread: WorkThread
  private let pool: BlockPool
  private let meter = Meter()
  private let state: Mutex<State>

  /// Blocks of one request.
  private static let rangeBlocks = 4
  /// Blocks that may be under way or wait for their turn.
  private let window: Int

  /// - Parameters:
  ///   - range: which bytes; the stream begins and ends at blocks, so a little more comes on both sides.
  ///   - options: its connections and blocks count.
  ///   - consumer: what it throws ends the stream.
  public init(
    _ file: RepoFile, bytes range: Range<Int>, of repository: RepoID, at commit: CommitID, client: HubClient,
    options: DownloadOptions = DownloadOptions(), consumer: @escaping Consumer
  ) throws(HubProblem) {
    if let setting = client.settings.offlineBecause { throw .offline(wanted: repository.description, setting: setting) }
    guard let thread = WorkThread("stream") else {
      throw .file(.system(operation: "start a thread for", path: file.path.description, number: 11))
    }
    self.file = file
    self.thread = thread
    self.consumer = consumer
    source = try client.source(of: file, in: repository, at: commit)
    courier = client.courier
    layout = BlockLayout(byteCount: file.byteCount, blockByteCount: options.blockByteCount)
    let first = range.lowerBound / options.blockByteCount
    blocks = first..<max(first, layout.block(at: max(0, min(range.upperBound, file.byteCount) - 1)) + 1)
    connections = max(1, min(options.connections, (blocks.count + Self.rangeBlocks - 1) / Self.rangeBlocks))
    window = (options.connections + 4) * Self.rangeBlocks
    pool = BlockPool(byteCount: options.blockByteCount, limit: window + options.connections)
    state = Mutex(State(next: first, queued: first, consumed: first))
  }

  /// Streams everything; returns when the consumer has had the last byte.
  /// - Throws: `HubProblem`, also `.cancelled`, or what the consumer throws.
  public func run() async throws {
    if file.byteCount == 0 { return }
    let result = await withThrowingTaskGroup(of: Void.self) { group -> Result<Void, any Error> in
      for _ in 0..<connections { group.addTask { try await self.work() } }
      do {
        while try await group.next() != nil {}
        return .success(())
      } catch {
        group.cancelAll()
        return .failure(error)
      }
    }
    await thread.value {}  // the consumer is done with all it was given
    if let failure = state.withLock({ $0.failure }) { throw failure }
    try result.get()
  }

  /// Bytes that came over the network.
  public var receivedByteCount: Int { meter.received }

  // MARK: Connections

  private enum Work {
    case range(Range<Int>)
    case whole
    case wait
    case finished
  }

  private func work() async throws {
    while true {
      try checkStop()
      switch state.withLock({ take(&$0) }) {
      case .range(let range): try await fetch(range, isWhole: false)
      case .whole: try await fetch(0..<blocks.upperBound, isWhole: true)
      case .wait:
        do { try await Task.sleep(for: .milliseconds(5)) } catch { throw HubProblem.cancelled }
      case .finished: return
      }
    }
  }

  private func checkStop() throws {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    if Task.isCancelled { throw HubProblem.cancelled }
  }

  private func take(_ state: inout State) -> Work {
    if state.queued >= blocks.upperBound { return .finished }
    if state.isWhole {
      if state.isWholeTaken { return .wait }
      state.isWholeTaken = true
      return .whole
    }
    if state.next >= blocks.upperBound { return .finished }
    let end = min(state.next + Self.rangeBlocks, blocks.upperBound)
    guard end <= state.consumed + window else { return .wait }
    defer { state.next = end }
    return .range(state.next..<end)
  }

  private var isDelivered: Bool { state.withLock { $0.queued >= blocks.upperBound } }

  private func fetch(_ range: Range<Int>, isWhole: Bool) async throws {
    let sink = RangeSink(
      file.path, layout, blocks: range, isWhole: isWhole,
      RangeSink.Target(
        pool: pool, meters: [meter], deliver: { [self] in deliver($0, $1) }, isWanted: { [self] in isWanted($0) }))
    defer { sink.close() }
    var failures = 0
    while !sink.isComplete && !isDelivered {
      try checkStop()
      let before = sink.position
      do throws(FetchFailure) {
        try await source.fetch(into: sink)
      } catch {
        try checkStop()
        if isDelivered { return }
        if case .rangeIgnored = error {
          return state.withLock { $0.isWhole = true }
        }
        failures = sink.position > before ? 1 : failures + 1
        try await courier.pause(after: error, failures: failures)
      }
    }
  }

  // MARK: On the transfer thread

  private func isWanted(_ block: Int) -> Bool {
    state.withLock { block >= $0.queued && block < blocks.upperBound && $0.early[block] == nil }
  }

  /// Puts a block in its turn; false when nothing more is wanted.
  private func deliver(_ block: Int, _ buffer: BlockBuffer) -> Bool {
    state.withLock { state in
      guard state.failure == nil else {
        pool.give(buffer)
        return false
      }
      guard block >= state.queued, block < blocks.upperBound, state.early[block] == nil else {
        pool.give(buffer)
        return state.queued < blocks.upperBound
      }
      state.early[block] = buffer
      // Queued under the lock, so that they are consumed in order.
      while let buffer = state.early.removeValue(forKey: state.queued) {
        let place = state.queued
        state.queued += 1
        thread.add { [self] in consume(place, buffer) }
      }
      return true
    }
  }

  private func consume(_ block: Int, _ buffer: BlockBuffer) {
    defer {
      pool.give(buffer)
      state.withLock { $0.consumed += 1 }
    }
    guard state.withLock({ $0.failure == nil }) else { return }
    let offset = layout.bytes(of: block).lowerBound
    if case .failure(let error) = buffer.withBytes({ bytes in Result { try consumer(offset, bytes) } }) {
      state.withLock { $0.failure = $0.failure ?? error }
    }
  }
}
