// SPDX-License-Identifier: Apache-2.0
// Takes the bytes of one range of a file as they arrive, checks that they are the asked ones, and
// hands them on in blocks. It survives its connection: the next one goes on at the same byte.

internal import Basics
internal import Synchronization

/// The receiving end of a range.
package final class RangeSink: BodySink, Sendable {
  /// Why an answer was not taken.
  enum Refusal: Sendable, Equatable {
    case rangeIgnored
    case webPage
    case otherRange(String)
    case otherLength(Int)
  }

  /// What the current request asked for.
  private enum Asked {
    case whole
    case range(first: Int, last: Int)
  }

  private struct State {
    var position: Int
    var end: Int
    var buffer: BlockBuffer?
    var asked = Asked.whole
    var refusal: Refusal?
    /// When the current attempt began, and where.
    var began: (time: ContinuousClock.Instant, position: Int)?
    /// Bytes of the offered chunk that were taken before the pool ran dry; they are offered again.
    var taken = 0
  }

  /// Where full blocks go.
  struct Target: Sendable {
    let pool: BlockPool
    let meters: [Meter]
    /// Takes a full block. False: nothing more is wanted (the disk failed).
    let deliver: @Sendable (Int, BlockBuffer) -> Bool
    /// Whether a block is still missing; asked only of servers that send everything.
    let isWanted: @Sendable (Int) -> Bool
  }

  let path: RepoPath
  let layout: BlockLayout
  /// Whether the whole file is taken from its first byte in every attempt.
  let isWhole: Bool
  /// Whether what comes counts as progress; a second copy does not.
  private let isProgress: Bool
  private let target: Target
  private let state: Mutex<State>

  /// - Parameters:
  ///   - blocks: The blocks to bring.
  ///   - isWhole: Asks without a range and passes over blocks that are here.
  init(
    _ path: RepoPath, _ layout: BlockLayout, blocks: Range<Int>, isWhole: Bool, _ target: Target,
    isProgress: Bool = true
  ) {
    self.isProgress = isProgress
    self.path = path
    self.layout = layout
    self.isWhole = isWhole
    self.target = target
    let bytes = isWhole ? 0..<layout.byteCount : layout.bytes(of: blocks)
    state = Mutex(State(position: bytes.lowerBound, end: bytes.upperBound))
  }

  // MARK: The asking side

  /// Begins an attempt: the `Range` header to send, nil to ask for everything.
  func beginAttempt() -> Header? {
    state.withLock { state in
      state.refusal = nil
      state.taken = 0
      defer { state.began = (.now, state.position) }
      if isWhole {
        forget(&state)
        state.position = 0
      }
      if state.position == 0 && state.end == layout.byteCount {
        state.asked = .whole
        return nil
      }
      state.asked = .range(first: state.position, last: state.end - 1)
      return Header("Range", "bytes=\(state.position)-\(state.end - 1)")
    }
  }

  /// Bytes still to come.
  var remaining: Int { state.withLock { $0.end - $0.position } }
  /// The offset of the next byte.
  var position: Int { state.withLock { $0.position } }
  /// Whether everything came.
  var isComplete: Bool { remaining <= 0 }
  /// Why the last answer was not taken; nil when it was, or was no success.
  var refusal: Refusal? { state.withLock { $0.refusal } }

  /// A rest that takes no longer than this is not divided: what is on its way would come twice.
  private static let shortRest = Duration.milliseconds(400)

  /// Gives the back half of what is missing to somebody else; nil when it is less than two times `least` blocks, or will
  /// be here before another connection has begun.
  func split(least: Int) -> Range<Int>? {
    if isWhole { return nil }
    return state.withLock { state in
      guard let began = state.began else { return nil }
      let elapsed = ContinuousClock.now - began.time
      guard elapsed > .milliseconds(50) else { return nil }
      let received = Double(state.position - began.position)
      let rest = Double(state.end - state.position)
      guard elapsed * (rest / max(received, 1)) > Self.shortRest else { return nil }
      let first = layout.block(at: state.position) + 1
      let end = (state.end + layout.blockByteCount - 1) / layout.blockByteCount
      guard end - first >= 2 * least else { return nil }
      let middle = first + (end - first) / 2
      state.end = middle * layout.blockByteCount
      return middle..<end
    }
  }

  /// Gives back what never became a block.
  func close() { state.withLock { forget(&$0) } }

  private func forget(_ state: inout State) {
    guard let buffer = state.buffer else { return }
    count(landed: -buffer.count)
    target.pool.give(buffer)
    state.buffer = nil
  }

  // MARK: On the transfer thread

  package func accepts(_ head: ResponseHead) -> Bool {
    guard head.status == 200 || head.status == 206 else { return false }
    return state.withLock { state in
      state.refusal = refusal(of: head, asked: state.asked)
      return state.refusal == nil
    }
  }

  private func refusal(of head: ResponseHead, asked: Asked) -> Refusal? {
    if head.isHTML && !path.name.lowercased().contains(".htm") { return .webPage }
    switch asked {
    case .whole:
      if head.status == 206 { return .otherRange(head.value("content-range") ?? "none") }
      guard let length = head.contentLength, length != layout.byteCount else { return nil }
      return .otherLength(length)
    case .range(let first, let last):
      guard head.status == 206 else { return .rangeIgnored }
      guard let range = head.contentRange, range.first == first, range.last == last,
        range.total == nil || range.total == layout.byteCount
      else { return .otherRange(head.value("content-range") ?? "none") }
      if let length = head.contentLength, length != last - first + 1 { return .otherLength(length) }
      return nil
    }
  }

  package func receive(_ bytes: UnsafeRawBufferPointer) -> SinkAnswer {
    var done = state.withLock { state in
      let skipped = min(state.taken, bytes.count)
      state.taken -= skipped
      return skipped
    }
    while true {
      // Blocks are passed on outside of the lock: the board, which they go through, asks sinks
      // for what they have left while it holds its own.
      switch state.withLock({ fill(&$0, from: bytes, done: done) }) {
      case .answer(let answer): return answer
      case .block(let block, let buffer, let upTo):
        done = upTo
        if !pass(block, buffer) { return .enough }
      }
    }
  }

  private enum Step {
    case block(Int, BlockBuffer, upTo: Int)
    case answer(SinkAnswer)
  }

  /// Takes bytes from `done` on, up to the end of a block.
  private func fill(_ state: inout State, from bytes: UnsafeRawBufferPointer, done: Int) -> Step {
    if done == bytes.count { return .answer(.taken) }
    guard state.position < state.end else { return .answer(.enough) }
    guard let buffer = state.buffer ?? target.pool.take() else {
      state.taken = done
      return .answer(.full)
    }
    state.buffer = buffer
    let block = layout.block(at: state.position)
    let blockEnd = layout.bytes(of: block).upperBound
    let count = min(bytes.count - done, blockEnd - state.position)
    buffer.append(UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
    state.position += count
    self.count(landed: count, received: count)
    guard state.position == blockEnd else { return .answer(.taken) }
    state.buffer = nil
    return .block(block, buffer, upTo: done + count)
  }

  /// Hands a full block on; false when nothing more is wanted.
  private func pass(_ block: Int, _ buffer: BlockBuffer) -> Bool {
    guard isWhole && !target.isWanted(block) else { return target.deliver(block, buffer) }
    count(landed: -buffer.count)
    target.pool.give(buffer)
    return true
  }

  private func count(landed: Int, received: Int = 0) {
    for meter in target.meters {
      if isProgress { meter.land(landed) }
      meter.receive(received)
    }
  }
}
