// SPDX-License-Identifier: Apache-2.0
// How contents get into the store: into a folder of one's own, hashed, flushed, then renamed into place. A process
// that dies leaves files that nothing refers to; the next `gc` removes them.

public import Basics
internal import Glibc

/// The right to add contents, and a folder to make them in. `gc` waits until it has gone.
public final class Ingest: Sendable {
  /// The store that contents are added to.
  public let store: ModelStore
  /// A folder for unfinished files on the store's file system; removed at the end.
  public let folder: String
  private let lock: HeldLock

  /// Opens a session; makes the store if there is none.
  /// - Throws: `StoreProblem.busy` while `gc` runs, `FileProblem`.
  public init(_ store: ModelStore) throws {
    self.store = store
    let folder = "\(store.layout.ingest)/\(Files.uniqueSuffix())"
    lock = try store.writing {
      try store.create()
      let lock = HeldLock(try store.heldNow(.shared))
      try Files.makeFolders(folder)
      return lock
    }
    self.folder = folder
  }

  deinit { try? Files.removeTree(folder) }

  /// Keeps a lock as long as the session lives.
  private final class HeldLock: Sendable {
    private let lock: FileLock
    init(_ lock: consuming FileLock) { self.lock = lock }
  }

  /// Takes bytes in memory.
  public func add(_ bytes: [UInt8]) throws -> Descriptor {
    let digest = Digest.of(bytes)
    let path = "\(folder)/\(Files.uniqueSuffix())"
    try AtomicFile.write(bytes, to: path)
    try keep(path, as: digest)
    return Descriptor(mediaType: MediaType.weightConfig, digest: digest, byteCount: bytes.count)
  }

  /// Takes a file of the session's folder by renaming it away.
  /// - Parameter progress: told the bytes hashed, piece by piece; throws to stop.
  public func adopt(_ path: String, progress: (Int) throws -> Void = { _ in }) throws -> Descriptor {
    let file = try OpenFile(path, flags: O_RDWR)
    var hasher = LedgerHash()
    try file.forEachPiece {
      hasher.update($0)
      try progress($0.count)
    }
    let (digest, ledger) = hasher.finish()
    try file.synchronize()
    try keep(path, as: digest)
    store.keep(ledger, of: digest)
    return Descriptor(mediaType: MediaType.weight, digest: digest, byteCount: ledger.byteCount)
  }

  /// Copies a file from anywhere, sharing its blocks where the file system can.
  /// - Parameter progress: told the bytes copied, piece by piece; throws to stop.
  public func copy(_ path: String, progress: (Int) throws -> Void = { _ in }) throws -> Descriptor {
    guard Files.isFile(path) else {
      throw Files.kind(path) == nil
        ? FileProblem.notFound(path: path) : FileProblem.wrongKind(path: path, expected: "a regular file")
    }
    let target = "\(folder)/\(Files.uniqueSuffix())"
    do {
      if try Sharing.clones(try OpenFile.reading(path), to: target) { return try adopt(target, progress: progress) }
      let (digest, ledger) = try copy(path, to: target, progress)
      // Also when the content is kept already: the copy may have been damaged meanwhile.
      try keep(target, as: digest)
      store.keep(ledger, of: digest)
      return Descriptor(mediaType: MediaType.weight, digest: digest, byteCount: ledger.byteCount)
    } catch {
      try? Files.remove(target)
      throw error
    }
  }

  /// Makes a new, flushed file of another's bytes, and hashes what it writes: a change of the source meanwhile does not matter.
  private func copy(
    _ path: String, to target: String, _ progress: (Int) throws -> Void = { _ in }
  ) throws -> (digest: Digest, ledger: HashLedger) {
    let source = try OpenFile.reading(path)
    let file = try OpenFile.creating(target)
    var hasher = LedgerHash()
    try source.forEachPiece {
      try file.write($0)
      hasher.update($0)
      try progress($0.count)
    }
    try file.synchronize()
    return hasher.finish()
  }

  /// Renames a flushed file to its name in the store.
  func keep(_ path: String, as digest: Digest) throws {
    let target = store.layout.blob(digest)
    var path = path
    // What somebody else began to download is his, and stays open to writing: a copy is not.
    if chmod(path, 0o444) != 0, errno == EPERM { path = try ownCopy(of: path, digest) }
    try Files.rename(path, to: target)
    try Files.synchronizeFolder(store.layout.blobs)
  }

  /// A copy of another user's file in its place.
  private func ownCopy(of path: String, _ digest: Digest) throws -> String {
    let own = "\(folder)/\(Files.uniqueSuffix())"
    guard try copy(path, to: own).digest == digest else {
      throw StoreProblem.damagedBlob(place: "the content \(digest.short)", why: "another process has changed it")
    }
    _ = chmod(own, 0o444)
    try Files.remove(path)
    return own
  }

  /// Takes a verified file of a pull, flushed or not.
  /// - Parameters:
  ///   - gitID: its name at the hub, where that is no SHA-256.
  ///   - ledger: of its SHA-256; nil leaves it to the next check.
  public func adopt(_ path: String, verified digest: Digest, gitID: String?, ledger: HashLedger? = nil) throws {
    do {
      let file = try OpenFile(path, flags: O_RDWR)
      try file.synchronize()
    }
    // Whoever finds the content finds its notes too.
    if let ledger { store.keep(ledger, of: digest) }
    if let gitID { try remember(gitID: gitID, as: digest) }
    try keep(path, as: digest)
  }

  /// Notes under which digest a content is kept that the hub knows by its git id.
  func remember(gitID: String, as digest: Digest) throws {
    guard Hex.isLowercase(gitID, count: 40) else { throw StoreProblem.invalidPath(gitID) }
    try AtomicFile.write(Array(digest.hex.utf8), to: "\(store.layout.gitIDs)/\(gitID)")
  }

  /// Makes the files a model of this name.
  ///
  /// All blobs must have been added in this session or be kept already.
  /// - Throws: `StoreProblem.exists` when the name has other content and must not be replaced.
  @discardableResult
  public func publish(
    _ files: [ModelFile], as reference: Reference, description: ModelDescription, replaces: Bool
  ) throws -> StoredModel {
    var seen: Set<String> = []
    for file in files {
      guard store.holds(file.digest, byteCount: file.byteCount) else {
        throw StoreProblem.damagedBlob(place: file.path, why: "its content is not in the store")
      }
      guard seen.insert(file.path).inserted else { throw StoreProblem.invalidPath(file.path) }
    }
    let (config, manifest) = Manifest.make(of: files, as: reference, description: description)
    _ = try add(config)
    let descriptor = try add(manifest.bytes)
    if !replaces, let present = try? store.load(reference), present.digest != descriptor.digest {
      throw StoreProblem.exists(reference.description)
    }
    try store.point(reference, at: descriptor.digest, byteCount: descriptor.byteCount)
    return try store.load(reference)
  }
}

extension ModelStore {
  /// The SHA-256 of a kept content that the hub knows by its git id.
  public func digest(gitID: String) -> Digest? {
    guard Hex.isLowercase(gitID, count: 40),
      let bytes = try? Files.read("\(layout.gitIDs)/\(gitID)", limit: 64),
      let digest = Digest(hex: String(decoding: bytes, as: UTF8.self)), holds(digest)
    else { return nil }
    return digest
  }
}
