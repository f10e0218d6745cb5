// SPDX-License-Identifier: Apache-2.0
// One streamed quantization: a folder with the unfinished result, its journal and a lock, shard after shard, and at the
// end the same manifest that a pull and a quantization would have given.

internal import Basics
internal import Checkpoints
internal import Hub
internal import Quantization
internal import Store
internal import Synchronization

/// The work of one process on one result.
struct StreamedWork: Sendable {
  private let task: StreamedQuantizing
  private let source: StreamedSource
  private let heads: ShardHeads
  private let quantizing: Quantizing
  private let reference: Reference
  /// Folder of the unfinished result. Its name says what is made of what: a later run for the same goes on in it.
  private let folder: String

  init(
    _ task: StreamedQuantizing, source: StreamedSource, heads: ShardHeads, quantizing: Quantizing, reference: Reference
  ) throws {
    self.task = task
    self.source = source
    self.heads = heads
    self.quantizing = quantizing
    self.reference = reference
    let key: JSONObject = [
      "repository": .string(source.plan.resolved.repository.description),
      "commit": .string(source.plan.resolved.commit.description),
      "shards": .array(source.shards.map { .string($0.identity.description) }),
      "recipe": .object(quantizing.recipeNote),
    ]
    let name = Digest.of(JSONWriter.bytes(.object(key))).hex.prefix(24)
    folder = "\(task.ingest.store.layout.parts)/quantized-\(name)"
  }

  private var unfinished: String { "\(folder)/model" }
  private var journalPath: String { "\(folder)/journal.json" }

  /// - Returns: the model, and the bytes that came over the network.
  func run() async throws -> (StoredModel, Int) {
    let lock = try await lock("\(folder).lock")
    do {
      let result = try await runLocked()
      lock.release()
      return result
    } catch {
      lock.release()
      throw error
    }
  }

  /// Waits while another process makes the same.
  private func lock(_ path: String) async throws -> FileLock {
    while true {
      do throws(FileProblem) {
        return try FileLock.trying(path, mode: .exclusive)
      } catch {
        guard case .locked = error else { throw error }
      }
      do { try await Task.sleep(for: .milliseconds(200)) } catch { throw HubProblem.cancelled }
    }
  }

  private func runLocked() async throws -> (StoredModel, Int) {
    if let model = try madeBefore() { return (model, 0) }
    try Files.makeFolders(unfinished)
    var journal = StreamJournal(path: journalPath)
    var received = 0
    if !hasResult(journal) {
      let work = try quantizing.work()
      let writer = try opened(work, &journal)
      try checkRoom(journal)
      for shard in source.shards {
        if case .verified = journal.shards[shard.path.description] { continue }
        received += try await bring(shard, regions(of: shard, work), writer, &journal)
      }
      journal.result = try await WorkOnThread.value("hash") { [self] isCancelled in
        try hashed(quantizing.finish(writer, in: unfinished), isCancelled)
      }
      try journal.write(to: journalPath)
    }
    let finished = journal
    let model = try await WorkOnThread.value("publish") { [self] _ in try publish(finished) }
    try Files.removeTree(folder)
    return (model, received)
  }

  // MARK: What is here

  /// The result, where an earlier run has finished it.
  private func madeBefore() throws -> StoredModel? {
    let store = task.ingest.store
    guard let model = try? store.load(reference), let description = try? store.description(model),
      let provenance = description.provenance, provenance.recipe == quantizing.recipeNote,
      description.origin.revision == source.plan.resolved.commit.description,
      provenance.base == (try task.base(source.plan)).full,
      model.manifest.files.allSatisfy({ store.holds($0.digest, byteCount: $0.byteCount) })
    else { return nil }
    let inputs = Dictionary(provenance.inputs.map { ($0.path, $0.digest) }) { first, _ in first }
    guard inputs.count == source.plan.selection.taken.count else { return nil }
    for shard in source.shards {
      guard case .sha256(let digest) = shard.identity, inputs[shard.path.description] == digest else { return nil }
    }
    for file in source.small.files where inputs[file.source.path.description] != file.digest { return nil }
    return model
  }

  /// Whether the result was finished, and each of its files is in the store or still here.
  private func hasResult(_ journal: StreamJournal) -> Bool {
    guard let result = journal.result else { return false }
    return result.allSatisfy {
      task.ingest.store.holds($0.digest, byteCount: $0.byteCount)
        || (try? Files.byteCount("\(unfinished)/\($0.path)")) == $0.byteCount
    }
  }

  /// The unfinished result: the one an earlier run has left, or a new one, whose journal is then empty.
  private func opened(_ work: [TensorWork], _ journal: inout StreamJournal) throws -> ShardedWriter {
    let declarations = work.flatMap(\.declarations)
    if !journal.shards.isEmpty, journal.result == nil,
      let writer = try? ShardedWriter(goingOnIn: unfinished, declarations, metadata: Quantizing.metadata)
    {
      return writer
    }
    journal = StreamJournal()
    try Files.removeTree(folder)
    try Files.makeFolders(unfinished)
    return try ShardedWriter(folder: unfinished, declarations, metadata: Quantizing.metadata)
  }

  private func done(_ journal: StreamJournal, _ shard: RepoFile) -> Int {
    switch journal.shards[shard.path.description] {
    case nil: 0
    case .reached(let position, _): min(position, shard.byteCount)
    case .verified: shard.byteCount
    }
  }

  private var byteCount: Int { source.shards.reduce(0) { $0 + $1.byteCount } }

  private func checkRoom(_ journal: StreamJournal) throws {
    let left = byteCount - source.shards.reduce(0) { $0 + done(journal, $1) }
    let share = Double(left) / Double(max(1, byteCount))
    let needed = Int(Double(quantizing.plan.byteCount) * share) + PullPlan.reserveByteCount
    let free = try Files.freeBytes(at: folder)
    guard free >= needed else {
      throw PullProblem.noRoom(repository: reference.full, needed: needed, free: free, folder: folder)
    }
  }

  // MARK: A shard

  /// The tensors in a shard.
  private func regions(of shard: RepoFile, _ work: [TensorWork]) -> [ShardRegion] {
    let path = "\(heads.folder)/\(shard.path)"
    return work.flatMap { tensor in
      tensor.places.enumerated().compactMap { part, place in
        place.path == path && !place.bytes.isEmpty ? ShardRegion(bytes: place.bytes, work: tensor, part: part) : nil
      }
    }
  }

  /// Brings a shard into the result. One whose bytes turn out to be wrong comes once more, whole and from the hub.
  private func bring(
    _ shard: RepoFile, _ regions: [ShardRegion], _ writer: ShardedWriter, _ journal: inout StreamJournal
  ) async throws -> Int {
    var received = 0
    for isRepeated in [false, true] {
      let before = source.shards.reduce(0) { $0 + done(journal, $1) } - done(journal, shard)
      let notes = Mutex(journal)
      let name = shard.path.description
      let consumer = ShardConsumer(
        shard, head: heads.heads[name] ?? [], regions: regions, from: journal.shards[name], writer: writer,
        threads: task.request.threads,
        checkpoint: { [journalPath] progress in
          try notes.withLock { notes in
            notes.shards[name] = progress
            try notes.write(to: journalPath)
          }
        })
      let take: ContentStream.Consumer = { [self] offset, bytes in
        try consumer.take(offset, bytes)
        tell(before + consumer.position, shard)
      }
      let start = consumer.position
      let localPath = isRepeated ? nil : source.localPath(shard)
      do {
        if let path = localPath {
          try await source.read(path, from: start, take)
        } else if start < shard.byteCount {
          received += try await source.stream(shard, start..<shard.byteCount, take)
        }
        let digest = try consumer.finish()
        try writer.synchronize()
        journal = notes.withLock { $0 }
        journal.shards[name] = .verified(digest)
        try journal.write(to: journalPath)
        return received
      } catch let problem as HubProblem where problem.status == .mismatch {
        journal.shards[name] = nil
        try journal.write(to: journalPath)
        guard !isRepeated else { throw problem }
        task.events(.refetching(shard.path, byteCount: shard.byteCount, isSearch: false))
      } catch {
        // A broken line, Ctrl-C: what came is kept. A file that went away or cannot be read is fetched.
        try? consumer.keep()
        guard error is FileProblem, localPath != nil else { throw error }
        journal = notes.withLock { $0 }
      }
    }
    return received
  }

  private func tell(_ done: Int, _ shard: RepoFile) {
    task.events(
      .progress(
        DownloadProgress(
          landedByteCount: done, byteCount: byteCount, receivedByteCount: 0, finishedFileCount: 0,
          fileCount: source.shards.count, active: [])))
  }

  // MARK: The end

  /// The files of the finished result; their ledgers are kept for the contents that they become.
  private func hashed(_ made: MadeFolder, _ isCancelled: () -> Bool) throws -> [ModelFile] {
    try made.files.map { name in
      if isCancelled() { throw HubProblem.cancelled }
      var hasher = LedgerHash()
      try OpenFile.reading("\(unfinished)/\(name)").forEachPiece { hasher.update($0) }
      let (digest, ledger) = hasher.finish()
      ingest.store.keep(ledger, of: digest)
      return try ModelFile(path: name, digest: digest, byteCount: ledger.byteCount)
    }
  }

  /// Moves the result into the store. Files that an earlier run has moved are there already.
  private func publish(_ journal: StreamJournal) throws -> StoredModel {
    let plan = source.plan
    let result = journal.result ?? []
    for file in result where !ingest.store.holds(file.digest, byteCount: file.byteCount) {
      try ingest.adopt("\(unfinished)/\(file.path)", verified: file.digest, gitID: nil)
    }
    let endpoint = "\(task.pulling.client.settings.endpoint)"
    let origin = task.request.origin ?? StoreDestination.origin(plan.resolved, endpoint: endpoint, plan.license)
    let base = try task.base(plan)
    let files = try baseFiles(journal)
    let (description, _) = StoreDestination.describe(folder: heads.folder, origin: origin)
    let provenance = Provenance(
      base: base.full, baseManifest: Manifest.digest(of: files, as: base, description: description),
      inputs: Manifest.ordered(files).map { Provenance.Input(path: $0.path, digest: $0.digest) },
      recipe: quantizing.recipeNote, tool: "\(Program.name) \(Program.version)")
    let made = try StoreDestination.describe(result, ingest: ingest, origin: origin, provenance: provenance)
    return try ingest.publish(result, as: reference, description: made.0, replaces: true)
  }

  private var ingest: Ingest { task.ingest }

  /// Every file of the source, as a pull would have put it into the store.
  private func baseFiles(_ journal: StreamJournal) throws -> [ModelFile] {
    var files = try source.small.files.map {
      try ModelFile(path: $0.source.path.description, digest: $0.digest, byteCount: $0.source.byteCount)
    }
    for shard in source.shards {
      guard case .verified(let digest) = journal.shards[shard.path.description] else {
        preconditionFailure("every shard was verified")
      }
      files.append(try ModelFile(path: shard.path.description, digest: digest, byteCount: shard.byteCount))
    }
    return files
  }
}
