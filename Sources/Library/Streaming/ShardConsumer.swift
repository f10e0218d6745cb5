// SPDX-License-Identifier: Apache-2.0
// The bytes of one shard on their way into the result: hashed, cut into rows, quantized as soon as rows are whole.

internal import Basics
internal import Checkpoints
internal import Hub
internal import Quantization
internal import Synchronization

/// What becomes of a range of a shard.
struct ShardRegion: Sendable {
  /// Where the tensor's part lies in the shard.
  let bytes: Range<Int>
  let work: TensorWork
  /// Which part of the tensor it is.
  let part: Int

  /// Whole rows among `range`, which begins at a row.
  func rows(in range: Range<Int>) -> Range<Int> {
    let size = work.rowByteCount
    let first = (max(range.lowerBound, bytes.lowerBound) - bytes.lowerBound) / size
    return first..<(min(range.upperBound, bytes.upperBound) - bytes.lowerBound) / size
  }

  /// Where a row begins in the shard.
  func start(ofRow row: Int) -> Int { bytes.lowerBound + row * work.rowByteCount }
}

/// Takes a shard's bytes in order.
///
/// Sendable by confinement: its owner calls it from one thread at a time.
final class ShardConsumer: @unchecked Sendable {
  private let file: RepoFile
  private let head: [UInt8]
  /// In the order of the file.
  private let regions: [ShardRegion]
  private let writer: ShardedWriter
  private let threads: Int
  /// Told how far the result is, after it was flushed.
  private let checkpoint: (StreamJournal.Progress) throws -> Void

  private var hash: SHA256
  private var git: SHA1?
  /// Bytes before this are in the result.
  private(set) var position: Int
  /// Bytes from `position` on.
  private var pending: [UInt8] = []
  private var noted: Int
  private var noteTime = ContinuousClock.now
  /// Why the values cannot be quantized. It counts once the hash says that they are the source's, not damaged on the way.
  private var fault: QuantizationProblem?

  /// Source bytes that are quantized together: the range of tensors in flight.
  private static let segmentByteCount = 8 << 20
  /// What a killed process costs at most, beside what was in flight: so many bytes, and where they come slowly, a second's.
  private static let noteByteCount = 64 << 20

  init(
    _ file: RepoFile, head: [UInt8], regions: [ShardRegion], from progress: StreamJournal.Progress?,
    writer: ShardedWriter, threads: Int,
    checkpoint: @escaping (StreamJournal.Progress) throws -> Void
  ) {
    self.file = file
    self.head = head
    self.regions = regions.sorted { $0.bytes.lowerBound < $1.bytes.lowerBound }
    self.writer = writer
    self.threads = threads
    self.checkpoint = checkpoint
    if case .gitBlob = file.identity { git = SHA1.gitBlobHasher(byteCount: file.byteCount) } else { git = nil }
    if case .reached(let position, let hash) = progress, git == nil, position <= file.byteCount {
      (self.position, self.hash) = (position, hash)
    } else {
      (position, hash) = (0, SHA256())
    }
    noted = position
  }

  /// Takes the bytes at an offset; those that were had already are passed over.
  func take(_ offset: Int, _ bytes: UnsafeBufferPointer<UInt8>) throws {
    let reached = position + pending.count
    guard offset <= reached else { preconditionFailure("a stream with a hole") }
    pending += bytes.dropFirst(reached - offset)
    let isEnd = position + pending.count >= file.byteCount
    if isEnd || pending.count >= Self.segmentByteCount { try process() }
    if !isEnd, git == nil, fault == nil, isNoteDue { try note() }
  }

  /// The shard's SHA-256, once all bytes came and their hash is the promised one.
  /// - Throws: `HubProblem.checksumMismatch`.
  func finish() throws -> Digest {
    guard position == file.byteCount else {
      throw HubProblem.wrongBytes(
        path: file.path.description, why: "it ended at \(position) of \(file.byteCount) bytes")
    }
    let digest = hash.digest
    var found = ContentIdentity.sha256(digest)
    if let hasher = git.take(), let id = GitObjectID(hasher.finish()) { found = .gitBlob(id) }
    guard found == file.identity else {
      throw HubProblem.checksumMismatch(
        path: file.path.description, expected: file.identity.description, found: found.description,
        why: "nothing of it is used")
    }
    if let fault { throw fault }
    return digest
  }

  private var isNoteDue: Bool {
    position - noted >= Self.noteByteCount || (position > noted && ContinuousClock.now - noteTime >= .seconds(1))
  }

  /// Notes what is in the result, at the end of a run that stops before the shard's.
  func keep() throws {
    guard git == nil, fault == nil else { return }
    try process()
    if fault == nil, position > noted { try note() }
  }

  private func note() throws {
    try writer.synchronize()
    try checkpoint(.reached(position, hash: hash))
    (noted, noteTime) = (position, .now)
  }

  /// Quantizes the rows that are whole.
  private func process() throws {
    let end = wholeRows(position + pending.count)
    guard end > position else { return }
    let (bytes, start) = (pending, position)
    pending = Array(bytes[(end - start)...])
    try checkHead(bytes, start)
    let jobs = jobs(start..<end)
    let writer = writer
    if fault == nil {
      do {
        try Workers.run(count: jobs.count, threads: threads) { index in
          let (region, block) = jobs[index]
          try bytes.withUnsafeBytes { raw in
            let first = region.start(ofRow: block.rows.lowerBound) - start
            let rows = UnsafeRawBufferPointer(rebasing: raw[first..<first + block.byteCount])
            _ = try region.work.write(rows, of: block, to: writer)
          }
        }
      } catch let problem as QuantizationProblem {
        fault = problem
      }
    }
    hash.update(bytes.span.extracting(first: end - start))
    git?.update(bytes.span.extracting(first: end - start))
    position = end
  }

  /// The end of the last whole row before `limit`; `limit` itself where it lies in no tensor.
  private func wholeRows(_ limit: Int) -> Int {
    guard let region = regions.first(where: { $0.bytes.contains(limit) }) else { return limit }
    return region.start(ofRow: (limit - region.bytes.lowerBound) / region.work.rowByteCount)
  }

  private func jobs(_ range: Range<Int>) -> [(ShardRegion, TensorWork.Block)] {
    regions.filter { $0.bytes.overlaps(range) }.flatMap { region in
      region.work.blocks(ofPart: region.part, rows: region.rows(in: range)).map { (region, $0) }
    }
  }

  /// The head that was planned with must be the one whose hash is checked.
  private func checkHead(_ bytes: [UInt8], _ start: Int) throws {
    guard start < head.count else { return }
    let count = min(bytes.count, head.count - start)
    guard bytes[..<count] == head[start..<start + count] else {
      throw HubProblem.wrongBytes(path: file.path.description, why: "its head is another one than a moment ago")
    }
  }
}
