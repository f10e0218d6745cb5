// SPDX-License-Identifier: Apache-2.0
// Who fetches what next: the state of every file of a download, and the rule that hands out work.

internal import Basics
internal import Synchronization

/// A file of a download. What changes is on the board; this is what stays.
final class FileJob: Sendable {
  let file: RepoFile
  let layout: BlockLayout
  let source: any ContentSource
  /// Bytes of this file.
  let meter = Meter()

  init(_ file: RepoFile, _ source: any ContentSource, blockByteCount: Int) {
    self.file = file
    self.source = source
    layout = BlockLayout(byteCount: file.byteCount, blockByteCount: blockByteCount)
  }
}

/// The board on which workers find their work.
final class DownloadBoard: Sendable {
  /// What a worker is to do.
  enum Work: Sendable {
    /// Open the part file, and report it with `opened`.
    case open(FileJob)
    /// Bring a range.
    case fetch(FileJob, RangeSink)
    /// See whether a file is complete.
    case settle(FileJob)
    /// Others are busy with the rest: ask again soon.
    case wait
    /// Nothing is left.
    case finished
  }

  private enum Phase { case waiting, opening, fetching, finishing, done }

  private struct Entry {
    let job: FileJob
    var phase = Phase.waiting
    var part: PartFile?
    /// Blocks that were received, in this run or before.
    var received: [Bool] = []
    /// Runs of blocks that nobody brings yet.
    var open: [Range<Int>] = []
    var running: [RangeSink] = []
    var isWholeOnly = false
    var wasRefetched = false
    /// Second copies of its blocks are fetched to find those whose first one is wrong.
    var isSearched = false
    /// The wrong ones were found: no more of them is wanted.
    var hasEnough = false
  }

  private struct State {
    /// Largest file first.
    var entries: [Entry]
    /// Entries outside of these bounds are done.
    var bounds: Range<Int>
    var finishedCount = 0
  }

  private let state: Mutex<State>
  private let places: [ObjectIdentifier: Int]
  private let options: DownloadOptions

  init(_ jobs: [FileJob], _ options: DownloadOptions) {
    let ordered = jobs.sorted { $0.file.byteCount > $1.file.byteCount }
    self.options = options
    places = Dictionary(uniqueKeysWithValues: ordered.enumerated().map { (ObjectIdentifier($1), $0) })
    state = Mutex(State(entries: ordered.map { Entry(job: $0) }, bounds: 0..<ordered.count))
  }

  private func change<Value: Sendable>(_ job: FileJob, _ body: (inout Entry) -> Value) -> Value {
    guard let place = places[ObjectIdentifier(job)] else { preconditionFailure("a job of another board") }
    return state.withLock { body(&$0.entries[place]) }
  }

  // MARK: Handing out

  /// Work for a worker. Most begin at the largest file; one begins at the smallest, so that what
  /// many small files cost in waiting passes beside the large ones.
  func next(smallestFirst: Bool, _ target: (FileJob) -> RangeSink.Target) -> Work {
    state.withLock { state in
      Self.narrow(&state)
      if state.bounds.isEmpty { return .finished }
      let order: [Int] = smallestFirst ? state.bounds.reversed() : Array(state.bounds)
      for place in order {
        if let work = assign(&state.entries[place], target) { return work }
      }
      for place in state.bounds {
        if let work = steal(&state.entries[place], target) { return work }
      }
      return .wait
    }
  }

  private static func narrow(_ state: inout State) {
    while let first = state.bounds.first, state.entries[first].phase == .done {
      state.bounds = (first + 1)..<state.bounds.upperBound
    }
    while let last = state.bounds.last, state.entries[last].phase == .done {
      state.bounds = state.bounds.lowerBound..<last
    }
  }

  private func assign(_ entry: inout Entry, _ target: (FileJob) -> RangeSink.Target) -> Work? {
    switch entry.phase {
    case .waiting:
      entry.phase = .opening
      return .open(entry.job)
    case .fetching:
      if entry.hasEnough { return entry.running.isEmpty ? .settle(entry.job) : nil }
      if entry.isWholeOnly && !entry.running.isEmpty { return nil }
      guard let first = entry.open.first else { return nil }
      let blocks: Range<Int>
      if entry.isWholeOnly {
        entry.open = []
        blocks = 0..<entry.job.layout.count
      } else {
        blocks = first.prefix(options.rangeBlocks(for: entry.job.layout))
        if blocks.count == first.count {
          entry.open.removeFirst()
        } else {
          entry.open[0] = blocks.upperBound..<first.upperBound
        }
      }
      return start(&entry, blocks, isWhole: entry.isWholeOnly, target)
    case .opening, .finishing, .done: return nil
    }
  }

  /// Takes the back half of the range that has most to bring: the end of a download must not wait
  /// for its slowest connection.
  private func steal(_ entry: inout Entry, _ target: (FileJob) -> RangeSink.Target) -> Work? {
    guard entry.phase == .fetching, !entry.isWholeOnly, !entry.hasEnough,
      let slowest = entry.running.max(by: { $0.remaining < $1.remaining }),
      let blocks = slowest.split(least: options.leastSplitBlocks)
    else { return nil }
    return start(&entry, blocks, isWhole: false, target)
  }

  private func start(
    _ entry: inout Entry, _ blocks: Range<Int>, isWhole: Bool, _ target: (FileJob) -> RangeSink.Target
  ) -> Work {
    let sink = RangeSink(
      entry.job.file.path, entry.job.layout, blocks: blocks, isWhole: isWhole, target(entry.job),
      isProgress: !entry.isSearched)
    entry.running.append(sink)
    return .fetch(entry.job, sink)
  }

  // MARK: Reports

  /// A part file is open; `present` tells what an earlier run has left in it.
  func opened(_ job: FileJob, _ part: PartFile, present: [Bool]) {
    change(job) { entry in
      entry.part = part
      entry.received = present
      entry.open = Self.runs(of: present)
      entry.phase = .fetching
    }
  }

  /// The file is here already by other means.
  func skipped(_ job: FileJob) { finished(job) }

  /// A block went to the writer.
  func received(_ job: FileJob, _ block: Int) { change(job) { $0.received[block] = true } }

  /// Whether a block has not come yet.
  func isWanted(_ job: FileJob, _ block: Int) -> Bool { change(job) { !$0.received[block] } }

  /// A range has ended.
  func ended(_ job: FileJob, _ sink: RangeSink) {
    change(job) { entry in entry.running.removeAll { $0 === sink } }
  }

  /// The server sends this file only as a whole: from now on one connection takes it.
  func takeWhole(_ job: FileJob, _ sink: RangeSink) {
    change(job) { entry in
      entry.running.removeAll { $0 === sink }
      entry.isWholeOnly = true
      entry.open = Self.runs(of: entry.received)
    }
  }

  /// Whether the file comes for the second time.
  func round(of job: FileJob) -> Bool { change(job) { $0.wasRefetched } }

  /// True for exactly one caller after the last block: it verifies the file. `round` is from before
  /// the caller found the file complete; in a later one that is no longer true.
  func beginFinishing(_ job: FileJob, _ round: Bool) -> Bool {
    change(job) { entry in
      guard entry.phase == .fetching, entry.wasRefetched == round else { return false }
      entry.phase = .finishing
      return true
    }
  }

  /// Blocks must come once more. False when that was tried before.
  /// - Parameter isSearch: they are suspected only, until enough was replaced.
  func reopen(_ job: FileJob, wrong: [Int], isSearch: Bool) -> Bool {
    change(job) { entry in
      guard !entry.wasRefetched else { return false }
      entry.wasRefetched = true
      entry.isSearched = isSearch
      for block in wrong { entry.received[block] = false }
      entry.open = Self.runs(of: entry.received)
      entry.phase = .fetching
      return true
    }
  }

  /// The file has become right: what is still fetched of it is not wanted.
  func takeNoMore(_ job: FileJob) { change(job) { $0.hasEnough = true } }

  /// Whether bytes of a file are of use.
  func isFetching(_ job: FileJob) -> Bool { change(job) { $0.phase == .fetching && !$0.hasEnough } }

  /// Whether its wrong bytes are searched for: the fetching may become useless at any time.
  func isSearched(_ job: FileJob) -> Bool { change(job) { $0.isSearched } }

  /// The file is verified and handed over.
  func finished(_ job: FileJob) {
    change(job) { entry in
      entry.phase = .done
      entry.part = nil
      entry.received = []
    }
    state.withLock { $0.finishedCount += 1 }
  }

  /// Lets go of all parts and their locks. (Sinks know the board, and the board its sinks.)
  func close() {
    state.withLock { state in
      for place in state.entries.indices {
        state.entries[place].part = nil
        state.entries[place].running = []
      }
    }
  }

  /// The open part of a file.
  func part(of job: FileJob) -> PartFile? { change(job) { $0.part } }

  /// Files under way, and how many are done.
  var overview: (active: [DownloadProgress.File], finished: Int) {
    state.withLock { state in
      let active = state.entries[state.bounds].filter { $0.phase == .fetching || $0.phase == .finishing }
      let files = active.map {
        DownloadProgress.File(
          path: $0.job.file.path, landedByteCount: $0.job.meter.landed, byteCount: $0.job.file.byteCount)
      }
      return (files, state.finishedCount)
    }
  }

  private static func runs(of received: [Bool]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for (block, isHere) in received.enumerated() where !isHere {
      if let last = runs.last, last.upperBound == block {
        runs[runs.count - 1] = last.lowerBound..<(block + 1)
      } else {
        runs.append(block..<(block + 1))
      }
    }
    return runs
  }
}
