// SPDX-License-Identifier: Apache-2.0
// Contents that other programs have on this machine already: verified, and shared with them where the file system can.
// Nothing of theirs is changed but the mode of a file that is linked: it becomes read-only, as the store's contents are.

public import Basics
internal import Glibc

/// The hash by which somebody else knows a content.
public enum ContentName: Sendable, Hashable {
  /// SHA-256 of the content.
  case sha256(Digest)
  /// Git's SHA-1 of the content as a blob: 40 hex digits.
  case gitBlob(String)
}

/// A content of another program, now the store's too.
public struct TakenContent: Sendable, Equatable {
  /// Its name in the store, and its size.
  public let digest: Digest
  public let byteCount: Int
  /// How it came here.
  public let sharing: Sharing
}

extension Ingest {
  /// Takes a content of another program, if its bytes are the expected ones.
  ///
  /// What is hashed is what the store keeps: the copy, or the linked file itself, whose mode then forbids changes.
  /// - Parameters:
  ///   - path: a regular file, no link.
  ///   - expected: what it must hash to; nil takes it as it is.
  ///   - progress: told the bytes hashed, piece by piece; throws to stop.
  /// - Returns: nil when the file has other bytes.
  /// - Throws: `FileProblem`, or what `progress` throws.
  public func take(
    _ path: String, expecting expected: ContentName?, allowsLinks: Bool = true,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> TakenContent? {
    let source = try OpenFile.readingPlain(path)
    let stamp = try source.changeStamp()
    let target = "\(folder)/\(Files.uniqueSuffix())"
    let sharing = try Sharing.place(source, at: target, allowsLinks: allowsLinks)
    do {
      let file = try OpenFile.readingPlain(target)
      let byteCount = try file.byteCount()
      let (digest, ledger, gitID) = try Self.hashes(file, byteCount: byteCount, expected, progress)
      let isRight =
        switch expected {
        case nil: true
        case .sha256(let wanted): wanted == digest
        case .gitBlob(let wanted): wanted == gitID
        }
      guard isRight else {
        try Files.remove(target)
        return nil
      }
      if sharing == .hardLink {
        // From here on nobody opens it for writing; whoever has changed it since it was hashed shows in the stamp.
        _ = chmod(target, 0o444)
        guard try file.changeStamp() == stamp else {
          try Files.remove(target)
          return nil
        }
      }
      try file.synchronize()
      try keep(target, as: digest)
      store.keep(ledger, of: digest)
      if case .gitBlob(let id) = expected { try remember(gitID: id, as: digest) }
      return TakenContent(digest: digest, byteCount: byteCount, sharing: sharing)
    } catch {
      try? Files.remove(target)
      throw error
    }
  }

  private static func hashes(
    _ file: borrowing OpenFile, byteCount: Int, _ expected: ContentName?, _ progress: (Int) throws -> Void
  ) throws -> (Digest, HashLedger, gitID: String?) {
    var hasher = LedgerHash()
    var git: SHA1?
    if case .gitBlob = expected { git = SHA1.gitBlobHasher(byteCount: byteCount) } else { git = nil }
    try file.forEachPiece {
      hasher.update($0)
      git?.update($0)
      try progress($0.count)
    }
    var id: String?
    if let git = git.take() { id = git.finish() }
    let (digest, ledger) = hasher.finish()
    return (digest, ledger, id)
  }
}
