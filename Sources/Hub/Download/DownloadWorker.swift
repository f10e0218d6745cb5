// SPDX-License-Identifier: Apache-2.0
// One of a download's connections: takes work from the board until there is none, tries again what
// fails, and verifies and hands over what is complete.

internal import Basics
internal import Synchronization

/// A worker of a download.
struct DownloadWorker: Sendable {
  let download: Download
  let board: DownloadBoard
  let isPresent: @Sendable (RepoFile) -> Bool
  let adopt: @Sendable (DownloadedFile) async throws -> Void
}

extension DownloadWorker {
  func run(_ smallestFirst: Bool) async throws {
    while true {
      try checkStop()
      switch board.next(smallestFirst: smallestFirst, { target($0) }) {
      case .open(let job): try await open(job)
      case .fetch(let job, let sink): try await fetch(job, sink)
      case .settle(let job): try await settle(job)
      case .wait: try await sleep(.milliseconds(10))
      case .finished: return
      }
    }
  }

  private func checkStop() throws(HubProblem) {
    if let problem = download.fault.withLock({ $0 }) { throw problem }
    if Task.isCancelled { throw .cancelled }
  }

  private func sleep(_ duration: Duration) async throws(HubProblem) {
    do { try await Task.sleep(for: duration) } catch { throw .cancelled }
  }

  // MARK: A file's beginning

  private func open(_ job: FileJob) async throws {
    while true {
      if isPresent(job.file) {
        download.meter.land(job.file.byteCount)
        return board.skipped(job)
      }
      let (folder, blockByteCount) = (download.folder, download.options.blockByteCount)
      let result = await download.writer.value { () -> Result<PartFile, FileProblem> in
        do throws(FileProblem) {
          return .success(try PartFile(job.file, in: folder, blockByteCount: blockByteCount))
        } catch {
          return .failure(error)
        }
      }
      switch result {
      case .success(let part):
        // Whoever held the lock before may have finished the file since it was looked for.
        guard isPresent(job.file) else { return try await begin(job, part) }
        try await onFinisher { () throws(FileProblem) in try part.discard() }
      case .failure(.locked): try await sleep(download.options.lockPause)
      case .failure(let problem): throw HubProblem(problem)
      }
    }
  }

  private func begin(_ job: FileJob, _ part: PartFile) async throws {
    let present = part.present
    let resumed = present.indices.reduce(0) { $0 + (present[$1] ? job.layout.bytes(of: $1).count : 0) }
    job.meter.land(resumed)
    download.meter.land(resumed)
    download.events(.started(job.file.path, byteCount: job.file.byteCount, resumed: resumed))
    board.opened(job, part, present: present)
    try await settle(job)
  }

  // MARK: A range

  private func target(_ job: FileJob) -> RangeSink.Target {
    RangeSink.Target(
      pool: download.pool, meters: [download.meter, job.meter],
      deliver: { [download, board] block, buffer in
        guard download.fault.withLock({ $0 == nil }), board.isFetching(job), let part = board.part(of: job) else {
          download.pool.give(buffer)
          return false
        }
        board.received(job, block)
        download.writer.add {
          defer { download.pool.give(buffer) }
          guard let written = download.noting({ () throws(FileProblem) in try part.write(block, buffer) }) else {
            return
          }
          download.hasher.add {
            if written.isReplaced, download.noting({ () throws(FileProblem) in try part.isRight() }) == true {
              board.takeNoMore(job)
            }
            _ = download.noting { () throws(FileProblem) in try part.follow() }
          }
          if written.isMuch {
            download.finisher.add { _ = download.noting { () throws(FileProblem) in try part.synchronize() } }
          }
        }
        return true
      },
      isWanted: { [board] in board.isWanted(job, $0) })
  }

  /// Brings a range, in as many attempts as make progress.
  private func fetch(_ job: FileJob, _ sink: RangeSink) async throws {
    defer { sink.close() }
    var failures = 0
    while !sink.isComplete, board.isFetching(job) {
      try checkStop()
      let before = sink.position
      do throws(FetchFailure) {
        if board.isSearched(job) {
          try await fetchWhileWanted(job, sink)
        } else {
          try await job.source.fetch(into: sink)
        }
      } catch {
        try checkStop()
        guard board.isFetching(job) else { break }
        if case .rangeIgnored = error {
          sink.close()
          return board.takeWhole(job, sink)
        }
        failures = sink.position > before ? 1 : failures + 1
        try await download.courier.pause(after: error, failures: failures)
      }
    }
    try checkStop()
    board.ended(job, sink)
    try await settle(job)
  }

  /// An attempt that ends when the file's bytes are of no more use.
  private func fetchWhileWanted(_ job: FileJob, _ sink: RangeSink) async throws(FetchFailure) {
    let result = await withTaskGroup(of: Result<Void, FetchFailure>?.self) { group in
      group.addTask {
        do throws(FetchFailure) { return .success(try await job.source.fetch(into: sink)) } catch {
          return .failure(error)
        }
      }
      group.addTask {
        while board.isFetching(job), (try? await Task.sleep(for: .milliseconds(20))) != nil {}
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? .success(())
    }
    try result.get()
  }

  // MARK: A file's end

  /// Verifies the file once its last block is on the disk, and hands it over.
  private func settle(_ job: FileJob) async throws {
    guard let part = board.part(of: job) else { return }
    let round = board.round(of: job)
    // The writer works in order: this comes after every block that was handed over.
    guard await download.writer.value({ part.isComplete }) else { return try checkStop() }
    guard board.beginFinishing(job, round) else { return }
    let hashes = try await onHasher { () throws(FileProblem) in try part.finish() }
    guard hashes.match(job.file.identity) else { return try await mismatch(job, part, hashes) }
    try await onFinisher { () throws(FileProblem) in try part.synchronize() }
    download.events(.verified(job.file.path, hashes.sha256))
    try await adopt(DownloadedFile(file: job.file, path: part.path, digest: hashes.sha256, ledger: hashes.ledger))
    try await onFinisher { () throws(FileProblem) in try part.discard() }
    board.finished(job)
  }

  /// Fetches again what is wrong, once. Blocks that changed on the disk are known by their checksums; when there are none,
  /// wrong bytes came: second copies, from another server where there is one, show which, and are fetched until the whole
  /// is right.
  private func mismatch(_ job: FileJob, _ part: PartFile, _ hashes: ContentHashes) async throws {
    let (wrong, isSearch) = try await onHasher { () throws(FileProblem) in try part.forgetWrongBlocks() }
    if isSearch { job.source.distrust() }
    let byteCount = wrong.reduce(0) { $0 + job.layout.bytes(of: $1).count }
    // An empty file has nothing to fetch again.
    guard !wrong.isEmpty, board.reopen(job, wrong: wrong, isSearch: isSearch) else {
      try await onFinisher { () throws(FileProblem) in try part.discard() }
      throw HubProblem.checksumMismatch(
        path: job.file.path.description, expected: job.file.identity.description,
        found: hashes.found(for: job.file.identity).description,
        why: wrong.isEmpty ? "it has no bytes that could be others" : "it was fetched twice")
    }
    if !isSearch {
      job.meter.land(-byteCount)
      download.meter.land(-byteCount)
    }
    download.events(.refetching(job.file.path, byteCount: byteCount, isSearch: isSearch))
  }

  private func onHasher<Value: Sendable>(
    _ work: @escaping @Sendable () throws(FileProblem) -> Value
  ) async throws(HubProblem) -> Value {
    try await Self.value(of: work, on: download.hasher)
  }

  private func onFinisher(_ work: @escaping @Sendable () throws(FileProblem) -> Void) async throws(HubProblem) {
    try await Self.value(of: work, on: download.finisher)
  }

  private static func value<Value: Sendable>(
    of work: @escaping @Sendable () throws(FileProblem) -> Value, on thread: WorkThread
  ) async throws(HubProblem) -> Value {
    let result = await thread.value { () -> Result<Value, FileProblem> in
      do throws(FileProblem) { return .success(try work()) } catch { return .failure(error) }
    }
    do throws(FileProblem) { return try result.get() } catch { throw HubProblem(error) }
  }
}
