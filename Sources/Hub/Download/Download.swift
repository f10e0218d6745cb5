// SPDX-License-Identifier: Apache-2.0
// Fetches files of one commit, verified, in parallel, resumable. The pieces: the board hands out
// ranges, workers carry them through the transfer thread into sinks, the writer thread puts blocks
// on the disk, the hasher thread follows, and a file leaves only with the hash that the listing promised.

public import Basics
internal import Synchronization

/// A verified file.
public struct DownloadedFile: Sendable {
  /// What it is.
  public let file: RepoFile
  /// Where its bytes are. Whoever adopts the file renames it away during the hand-over.
  public let path: String
  /// SHA-256 of the content, also for files that the hub knows by their git id.
  public let digest: Digest
  /// How that SHA-256 came about, for checks of single stretches.
  public let ledger: HashLedger
}

/// One download of files into a folder of partial files.
public final class Download: Sendable {
  private let files: [RepoFile]
  private let source: @Sendable (RepoFile) throws(HubProblem) -> any ContentSource
  let courier: Courier
  let folder: String
  let options: DownloadOptions
  let events: @Sendable (DownloadEvent) -> Void

  let writer: WorkThread
  let hasher: WorkThread
  let finisher: WorkThread
  let pool: BlockPool
  let meter = Meter()
  /// The first failure of the disk: it ends everything.
  let fault = Mutex<HubProblem?>(nil)

  /// - Parameters:
  ///   - files: What to fetch; files of equal content should be named once.
  ///   - folder: Exists, and is on the file system where the files are to end. Its names come from
  ///     the contents' hashes: any later download of the same content there goes on with them.
  ///   - events: Told what happens, from any thread.
  public convenience init(
    _ files: [RepoFile], of repository: RepoID, at commit: CommitID, client: HubClient, into folder: String,
    options: DownloadOptions = DownloadOptions(), events: @escaping @Sendable (DownloadEvent) -> Void = { _ in }
  ) throws(HubProblem) {
    if let setting = client.settings.offlineBecause {
      throw .offline(wanted: repository.description, setting: setting)
    }
    try self.init(
      files, courier: client.courier, into: folder, options: options, events: events,
      source: { file throws(HubProblem) in try client.source(of: file, in: repository, at: commit) })
  }

  /// - Parameter source: where each file comes from.
  package init(
    _ files: [RepoFile], courier: Courier, into folder: String, options: DownloadOptions,
    events: @escaping @Sendable (DownloadEvent) -> Void,
    source: @escaping @Sendable (RepoFile) throws(HubProblem) -> any ContentSource
  ) throws(HubProblem) {
    guard let writer = WorkThread("writer"), let hasher = WorkThread("hasher"), let finisher = WorkThread("finisher")
    else {
      throw .file(.system(operation: "start a thread for", path: folder, number: 11))
    }
    self.files = files
    self.source = source
    self.courier = courier
    self.folder = folder
    self.options = options
    self.events = events
    self.writer = writer
    self.hasher = hasher
    self.finisher = finisher
    let transfer = courier.transfer
    pool = BlockPool(byteCount: options.blockByteCount, limit: options.bufferCount) { transfer.wake() }
  }

  /// Fetches everything; each file is handed to `adopt` as soon as it is verified and flushed.
  ///
  /// - Parameters:
  ///   - isPresent: Asked before a file is begun, and after waiting for another process: true when
  ///     the content is already where it should be.
  ///   - adopt: Takes the file away; what it leaves is removed. Its errors end the download.
  /// - Throws: `HubProblem`, or what `adopt` throws. After every failure and cancellation what is
  ///   finished stays in the folder for the next download.
  public func run(
    isPresent: @escaping @Sendable (RepoFile) -> Bool = { _ in false },
    adopt: @escaping @Sendable (DownloadedFile) async throws -> Void
  ) async throws {
    var jobs: [FileJob] = []
    for file in files {
      jobs.append(FileJob(file, try source(file), blockByteCount: options.blockByteCount))
    }
    let board = DownloadBoard(jobs, options)
    let result = await work(board, isPresent: isPresent, adopt: adopt)
    // What was handed over is on the disk when this returns, and nobody reads it any more.
    await writer.value {}
    await hasher.value {}
    await finisher.value {}
    report(board)
    board.close()
    try result.get()
  }

  /// Does something on the disk; what fails ends the download.
  /// - Returns: nil when it failed.
  func noting<Value>(_ work: () throws(FileProblem) -> Value) -> Value? {
    do throws(FileProblem) {
      return try work()
    } catch {
      fault.withLock { $0 = $0 ?? HubProblem(error) }
      return nil
    }
  }

  private func work(
    _ board: DownloadBoard, isPresent: @escaping @Sendable (RepoFile) -> Bool,
    adopt: @escaping @Sendable (DownloadedFile) async throws -> Void
  ) async -> Result<Void, any Error> {
    await withThrowingTaskGroup(of: Void.self) { group in
      let ticker = Task { await self.tick(board) }
      defer { ticker.cancel() }
      for number in 0..<options.connections {
        let smallestFirst = number == 0 && options.connections > 1
        group.addTask {
          try await DownloadWorker(download: self, board: board, isPresent: isPresent, adopt: adopt).run(smallestFirst)
        }
      }
      // The first failure cancels the others. (waitForAll would wait for them first.)
      do {
        while try await group.next() != nil {}
        return .success(())
      } catch {
        group.cancelAll()
        return .failure(self.fault.withLock { $0 } ?? error)
      }
    }
  }

  private func tick(_ board: DownloadBoard) async {
    while !Task.isCancelled {
      report(board)
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  private func report(_ board: DownloadBoard) {
    let overview = board.overview
    events(
      .progress(
        DownloadProgress(
          landedByteCount: meter.landed, byteCount: files.reduce(0) { $0 &+ $1.byteCount },
          receivedByteCount: meter.received, finishedFileCount: overview.finished, fileCount: files.count,
          active: overview.active)))
  }
}
