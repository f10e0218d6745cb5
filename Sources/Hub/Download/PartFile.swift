// SPDX-License-Identifier: Apache-2.0
// An unfinished file: its blocks, its journal, and a hash that follows the written prefix.

internal import Basics
internal import Glibc
internal import Synchronization

/// A file under construction, named by its content: two downloads of the same content meet here.
///
/// One process holds its lock. Where a file system only pretends to lock, two writers put the same
/// bytes at the same places, and each checks its own hash before the file gets a trusted name.
///
/// Sendable: what is known of the blocks is behind a mutex; blocks are written by the download's writer thread alone, and
/// the hash belongs to its hasher thread, which reads from the page cache what the writer has put there.
final class PartFile: @unchecked Sendable {
  let path: String
  let layout: BlockLayout
  private let journalPath: String
  private let file: OpenFile
  private let journal: PartJournal
  private let identity: ContentIdentity
  private let blocks: Mutex<Blocks>
  private var hash: PrefixHash?
  /// Bytes written since the last flush began. The writer's own.
  private var unflushedByteCount = 0

  /// What is known of the blocks.
  private struct Blocks {
    /// Of every block that is on the disk.
    var checksums: [UInt64?]
    var missingCount: Int
    /// While wrong bytes are searched for: of the first copy, which is on the disk until a second one differs from it.
    var suspects: [UInt64?]?
    /// Blocks whose second copy took the place of the first.
    var replacedCount = 0

    init(count: Int) {
      checksums = Array(repeating: nil, count: count)
      missingCount = count
    }
  }

  /// Opens or creates the part of a content in `folder`, and checks what an earlier run has left.
  /// - Throws: `FileProblem.locked` while another process works on it.
  init(_ content: RepoFile, in folder: String, blockByteCount: Int) throws(FileProblem) {
    identity = content.identity
    path = "\(folder)/\(content.identity.fileName).part"
    journalPath = "\(folder)/\(content.identity.fileName).journal"
    layout = BlockLayout(byteCount: content.byteCount, blockByteCount: blockByteCount)
    file = try Self.locked(path)
    journal = try PartJournal(journalPath, layout)
    blocks = Mutex(Blocks(count: layout.count))
    hash = nil
    try checkNoted()
    try reserve()
  }

  /// Opens and locks. A lock on a file that was renamed or removed meanwhile is worth nothing.
  private static func locked(_ path: String) throws(FileProblem) -> OpenFile {
    while true {
      let file = try OpenFile(path, flags: O_RDWR | O_CREAT)
      if flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK { throw .locked(path: path) }
      if isAt(path, file) { return file }
    }
  }

  /// Whether the path still names the open file.
  private static func isAt(_ path: String, _ file: borrowing OpenFile) -> Bool {
    var mine = stat()
    var named = stat()
    return fstat(file.descriptor, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino
  }

  /// Keeps the noted blocks whose bytes are still those that were written.
  private func checkNoted() throws(FileProblem) {
    var buffer = [UInt8](repeating: 0, count: layout.blockByteCount)
    for (block, noted) in journal.noted where try checksum(of: block, &buffer) == noted { record(block, noted) }
  }

  private func checksum(of block: Int, _ buffer: inout [UInt8]) throws(FileProblem) -> UInt64? {
    let bytes = layout.bytes(of: block)
    guard try read(bytes, &buffer) else { return nil }
    return buffer.withUnsafeBufferPointer { BlockChecksum.of(UnsafeBufferPointer(rebasing: $0[..<bytes.count])) }
  }

  /// Whether all of `bytes` could be read to the front of the buffer.
  private func read(_ bytes: Range<Int>, _ buffer: inout [UInt8]) throws(FileProblem) -> Bool {
    try file.read(into: &buffer, at: bytes.lowerBound) >= bytes.count
  }

  private func record(_ block: Int, _ checksum: UInt64) {
    blocks.withLock { blocks in
      if blocks.checksums[block] == nil { blocks.missingCount -= 1 }
      blocks.checksums[block] = checksum
    }
  }

  /// Gives the file its size; a disk without room for the rest shows before the bytes, not after them.
  private func reserve() throws(FileProblem) {
    if try file.byteCount() != layout.byteCount { try file.truncate(to: layout.byteCount) }
    let missing = present.enumerated().reduce(0) { $0 + ($1.element ? 0 : layout.bytes(of: $1.offset).count) }
    if missing > 0, let free = try? Files.freeBytes(at: path), free < missing {
      throw .system(operation: "reserve \(missing) bytes for", path: path, number: ENOSPC)
    }
  }

  // MARK: Blocks

  /// Whether each block is on the disk.
  var present: [Bool] { blocks.withLock { $0.checksums.map { $0 != nil } } }
  /// Whether all are.
  var isComplete: Bool { blocks.withLock { $0.missingCount == 0 } }
  private func isPresent(_ block: Int) -> Bool { blocks.withLock { $0.checksums[block] != nil } }

  /// What follows from a block that was written.
  struct Written {
    /// So much was written that it should be flushed, so that little is left for the end.
    var isMuch = false
    /// Another copy of it took its place: the file may be right now.
    var isReplaced = false
  }

  /// Puts a block in its place and notes it.
  func write(_ block: Int, _ buffer: BlockBuffer) throws(FileProblem) -> Written {
    let offset = layout.bytes(of: block).lowerBound
    let checksum = buffer.withBytes { BlockChecksum.of($0) }
    guard let isReplaced = begin(block, checksum) else { return Written() }
    let result: Result<Void, FileProblem> = buffer.withBytes { bytes in
      do throws(FileProblem) { return .success(try file.write(bytes.span, at: offset)) } catch {
        return .failure(error)
      }
    }
    try result.get()
    record(block, checksum)
    try journal.note(block, checksum)
    unflushedByteCount += layout.bytes(of: block).count
    guard unflushedByteCount >= Self.flushedByteCount else { return Written(isReplaced: isReplaced) }
    unflushedByteCount = 0
    return Written(isMuch: true, isReplaced: isReplaced)
  }

  /// Whether a block is the second copy of one that differs; nil when it need not be written.
  private func begin(_ block: Int, _ checksum: UInt64) -> Bool? {
    blocks.withLock { blocks in
      // Whoever has found the right bytes wants no others any more.
      if blocks.checksums[block] != nil { return nil }
      guard let suspects = blocks.suspects else { return false }
      guard suspects[block] != checksum else {
        blocks.checksums[block] = checksum
        blocks.missingCount -= 1
        return nil
      }
      blocks.replacedCount += 1
      return true
    }
  }

  /// Bytes that are flushed at once while others come.
  private static let flushedByteCount = 64 << 20

  /// Notes blocks whose bytes are in their places already.
  func accept(_ blocks: [Int]) throws(FileProblem) {
    var buffer = [UInt8](repeating: 0, count: layout.blockByteCount)
    for block in blocks {
      guard let checksum = try checksum(of: block, &buffer) else { continue }
      record(block, checksum)
      try journal.note(block, checksum)
    }
  }

  /// Copies blocks from their places in another file.
  func copy(_ blocks: [Int], from path: String) throws(FileProblem) {
    let source = try OpenFile.reading(path)
    var buffer = [UInt8](repeating: 0, count: layout.blockByteCount)
    for block in blocks {
      let bytes = layout.bytes(of: block)
      let count = min(try source.read(into: &buffer, at: bytes.lowerBound), bytes.count)
      try file.write(buffer.span.extracting(first: count), at: bytes.lowerBound)
    }
    try accept(blocks)
  }

  /// Hashes from the page cache what has become the written prefix. On the hasher thread, as all below.
  func follow() throws(FileProblem) {
    if hash == nil { hash = PrefixHash(identity, layout.byteCount) }
    guard let next = hash?.next, next < layout.count, isPresent(next) else { return }
    var buffer = hashingBuffer()
    while let next = hash?.next, next < layout.count, isPresent(next) {
      try read(next, by: &buffer) { hash?.update($0) }
      hash?.endBlock()
    }
  }

  /// Bytes hashed at once: they stay in a core's own cache.
  private static let hashedByteCount = 128 << 10

  // MARK: The end

  /// The hashes of the complete file.
  func finish() throws(FileProblem) -> ContentHashes {
    try follow()
    guard let hash = hash.take() else { preconditionFailure("a hash was just made") }
    return hash.finish()
  }

  /// Forgets the blocks whose bytes on the disk are not those that were written. When there is none such, wrong bytes
  /// came, and nothing tells which: a second copy of every block is wanted, until the file is right (`isRight`).
  /// - Returns: the blocks to fetch, and whether they are all merely suspected.
  func forgetWrongBlocks() throws(FileProblem) -> (blocks: [Int], isSearch: Bool) {
    var buffer = [UInt8](repeating: 0, count: layout.blockByteCount)
    var wrong: [Int] = []
    let noted = blocks.withLock { $0.checksums }
    for block in 0..<layout.count where try checksum(of: block, &buffer) != noted[block] { wrong.append(block) }
    let isSearch = wrong.isEmpty
    if isSearch { wrong = Array(0..<layout.count) }
    blocks.withLock { blocks in
      blocks.suspects = isSearch ? noted : nil
      for block in wrong { blocks.checksums[block] = nil }
      blocks.missingCount = wrong.count
    }
    hash = nil
    return (wrong, isSearch)
  }

  /// Whether the file has become right by the blocks that were replaced: then all of it counts as present. It costs
  /// a hash of the file, and is done after each of the first such blocks, and when their number has doubled.
  func isRight() throws(FileProblem) -> Bool {
    let (count, isMissing) = blocks.withLock { ($0.replacedCount, $0.missingCount > 0) }
    guard isMissing, count <= 16 || count.nonzeroBitCount == 1 else { return false }
    var whole = PrefixHash(identity, layout.byteCount)
    var buffer = hashingBuffer()
    for block in 0..<layout.count { try read(block, by: &buffer) { whole.update($0) } }
    guard whole.finish().match(identity) else { return false }
    return blocks.withLock { blocks in
      // What was replaced meanwhile may have been hashed or not.
      guard blocks.replacedCount == count, let suspects = blocks.suspects else { return false }
      for block in suspects.indices where blocks.checksums[block] == nil { blocks.checksums[block] = suspects[block] }
      blocks.missingCount = 0
      return true
    }
  }

  private func hashingBuffer() -> [UInt8] {
    Array(repeating: 0, count: min(Self.hashedByteCount, layout.blockByteCount))
  }

  /// Hands on a block's bytes from the page cache, a buffer at a time.
  private func read(
    _ block: Int, by buffer: inout [UInt8], _ take: (Span<UInt8>) -> Void
  ) throws(FileProblem) {
    var rest = layout.bytes(of: block)
    while !rest.isEmpty {
      let count = min(try file.read(into: &buffer, at: rest.lowerBound), rest.count)
      guard count > 0 else { throw .wrongKind(path: path, expected: "\(layout.byteCount) bytes long") }
      take(buffer.span.extracting(first: count))
      rest = rest.dropFirst(count)
    }
  }

  /// Forces the bytes to the disk. May run on any thread.
  func synchronize() throws(FileProblem) { try file.synchronize() }

  /// Removes the part, where nobody adopted it, and the journal. Once the part was adopted, another process may have
  /// begun one of the same name: that is its own.
  func discard() throws(FileProblem) {
    if Self.isAt(path, file) { try Files.remove(path) }
    if Files.kind(path) == nil { try Files.remove(journalPath) }
  }
}

/// The hashes of a whole content.
struct ContentHashes: Sendable {
  let sha256: Digest
  let ledger: HashLedger
  let gitBlob: GitObjectID?

  /// Whether they are the promised one.
  func match(_ identity: ContentIdentity) -> Bool {
    switch identity {
    case .sha256(let digest): digest == sha256
    case .gitBlob(let id): id == gitBlob
    }
  }

  /// The one to show beside the promised one.
  func found(for identity: ContentIdentity) -> ContentIdentity {
    if case .gitBlob = identity, let gitBlob { .gitBlob(gitBlob) } else { .sha256(sha256) }
  }
}

/// SHA-256, and git's SHA-1 where that is the identity, of the blocks so far.
struct PrefixHash: ~Copyable {
  private var sha256 = LedgerHash()
  private var gitBlob: SHA1?
  /// The block that comes next.
  private(set) var next = 0

  init(_ identity: ContentIdentity, _ byteCount: Int) {
    if case .gitBlob = identity { gitBlob = SHA1.gitBlobHasher(byteCount: byteCount) } else { gitBlob = nil }
  }

  /// Takes more bytes of the next block.
  mutating func update(_ bytes: Span<UInt8>) {
    sha256.update(bytes)
    gitBlob?.update(bytes)
  }

  /// The next block is done.
  mutating func endBlock() { next += 1 }

  consuming func finish() -> ContentHashes {
    var git: GitObjectID?
    if let hasher = gitBlob.take() { git = GitObjectID(hasher.finish()) }
    let (digest, ledger) = sha256.finish()
    return ContentHashes(sha256: digest, ledger: ledger, gitBlob: git)
  }
}
