// SPDX-License-Identifier: Apache-2.0
// An unfinished file: its blocks, its journal, and a hash that follows the written prefix.

internal import Basics
internal import Glibc

/// A file under construction, named by its content: two downloads of the same content meet here.
///
/// One process holds its lock. Where a file system only pretends to lock, two writers put the same
/// bytes at the same places, and each checks its own hash before the file gets a trusted name.
///
/// Sendable by confinement: after `open` everything runs on the download's writer thread.
final class PartFile: @unchecked Sendable {
  let path: String
  let layout: BlockLayout
  private let journalPath: String
  private let file: OpenFile
  private let journal: PartJournal
  private let identity: ContentIdentity
  private var checksums: [UInt64?]
  private var missingCount: Int
  private var hash: PrefixHash?

  /// Opens or creates the part of a content in `folder`, and checks what an earlier run has left.
  /// - Throws: `FileProblem.locked` while another process works on it.
  init(_ content: RepoFile, in folder: String, blockByteCount: Int) throws(FileProblem) {
    identity = content.identity
    path = "\(folder)/\(content.identity.fileName).part"
    journalPath = "\(folder)/\(content.identity.fileName).journal"
    layout = BlockLayout(byteCount: content.byteCount, blockByteCount: blockByteCount)
    file = try Self.locked(path)
    journal = try PartJournal(journalPath, layout)
    checksums = Array(repeating: nil, count: layout.count)
    missingCount = layout.count
    hash = nil
    try checkNoted()
    try reserve()
  }

  /// Opens and locks. A lock on a file that was renamed or removed meanwhile is worth nothing.
  private static func locked(_ path: String) throws(FileProblem) -> OpenFile {
    while true {
      let file = try OpenFile(path, flags: O_RDWR | O_CREAT)
      if flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK { throw .locked(path: path) }
      var mine = stat()
      var named = stat()
      if fstat(file.descriptor, &mine) == 0, stat(path, &named) == 0, mine.st_ino == named.st_ino { return file }
    }
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
    if checksums[block] == nil { missingCount -= 1 }
    checksums[block] = checksum
  }

  /// Gives the file its size; a disk without room for the rest shows before the bytes, not after them.
  private func reserve() throws(FileProblem) {
    try file.truncate(to: layout.byteCount)
    let missing = checksums.indices.reduce(0) { $0 + (checksums[$1] == nil ? layout.bytes(of: $1).count : 0) }
    if missing > 0, let free = try? Files.freeBytes(at: path), free < missing {
      throw .system(operation: "reserve \(missing) bytes for", path: path, number: ENOSPC)
    }
  }

  // MARK: Blocks

  /// Whether each block is on the disk.
  var present: [Bool] { checksums.map { $0 != nil } }
  /// Whether all are.
  var isComplete: Bool { missingCount == 0 }

  /// Puts a block in its place and notes it.
  func write(_ block: Int, _ buffer: BlockBuffer) throws(FileProblem) {
    let offset = layout.bytes(of: block).lowerBound
    let result: Result<UInt64, FileProblem> = buffer.withBytes { bytes in
      do throws(FileProblem) {
        try file.write(bytes.span, at: offset)
        return .success(BlockChecksum.of(bytes))
      } catch {
        return .failure(error)
      }
    }
    let checksum = try result.get()
    record(block, checksum)
    try journal.note(block, checksum)
    try follow(block, buffer)
  }

  /// Lets the hash see a block while its bytes are warm, and what waited behind it.
  private func follow(_ block: Int, _ buffer: BlockBuffer) throws(FileProblem) {
    if hash == nil { hash = PrefixHash(identity, layout.byteCount) }
    guard hash?.next == block else {
      if let next = hash?.next, block < next { hash = nil }  // written anew: start over at the end
      return
    }
    buffer.withBytes { hash?.update($0.span) }
    try hashPrefix()
  }

  /// Hashes from the page cache what is on the disk behind the hashed prefix.
  private func hashPrefix() throws(FileProblem) {
    if hash == nil { hash = PrefixHash(identity, layout.byteCount) }
    guard let next = hash?.next, next < layout.count, checksums[next] != nil else { return }
    var buffer = [UInt8](repeating: 0, count: layout.blockByteCount)
    while let next = hash?.next, next < layout.count, checksums[next] != nil {
      let bytes = layout.bytes(of: next)
      guard try read(bytes, &buffer) else { throw .wrongKind(path: path, expected: "\(layout.byteCount) bytes long") }
      hash?.update(buffer.span.extracting(first: bytes.count))
    }
  }

  // MARK: The end

  /// The hashes of the complete file.
  func finish() throws(FileProblem) -> ContentHashes {
    try hashPrefix()
    guard let hash = hash.take() else { preconditionFailure("a hash was just made") }
    return hash.finish()
  }

  /// Forgets the blocks whose bytes on the disk are not those that were written; all of them when
  /// there is none such: then wrong bytes came. Returns the forgotten blocks.
  func forgetWrongBlocks() throws(FileProblem) -> [Int] {
    var buffer = [UInt8](repeating: 0, count: layout.blockByteCount)
    var wrong: [Int] = []
    for block in 0..<layout.count where try checksum(of: block, &buffer) != checksums[block] { wrong.append(block) }
    if wrong.isEmpty { wrong = Array(0..<layout.count) }
    for block in wrong { checksums[block] = nil }
    missingCount = wrong.count
    hash = nil
    return wrong
  }

  /// Forces the bytes to the disk. May run on another thread once the file is complete.
  func synchronize() throws(FileProblem) { try file.synchronize() }

  /// Removes the part, where nobody adopted it, and the journal.
  func discard() throws(FileProblem) {
    try Files.remove(path)
    try Files.remove(journalPath)
  }
}

/// The hashes of a whole content.
struct ContentHashes: Sendable {
  let sha256: Digest
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
  private var sha256 = SHA256()
  private var gitBlob: SHA1?
  /// The block that comes next.
  private(set) var next = 0

  init(_ identity: ContentIdentity, _ byteCount: Int) {
    if case .gitBlob = identity { gitBlob = SHA1.gitBlobHasher(byteCount: byteCount) } else { gitBlob = nil }
  }

  /// Takes the bytes of the next block.
  mutating func update(_ bytes: Span<UInt8>) {
    sha256.update(bytes)
    gitBlob?.update(bytes)
    next += 1
  }

  consuming func finish() -> ContentHashes {
    var git: GitObjectID?
    if let hasher = gitBlob.take() { git = GitObjectID(hasher.finish()) }
    return ContentHashes(sha256: sha256.finish(), gitBlob: git)
  }
}
