// SPDX-License-Identifier: Apache-2.0
// Where unfinished uploads go on: the address of each upload's session at the registry, kept in a file so that an
// interrupted push does not send everything again. The addresses hold no credentials.

internal import Basics

/// Sessions of unfinished uploads by content, of one repository.
public struct UploadJournal: Sendable {
  private let folder: String
  private let key: String

  /// - Parameter folder: exists; old files in it may be removed at any time.
  public init(folder: String, _ address: RegistryAddress) {
    self.folder = folder
    key = Digest.of(Array("\(address.host)/\(address.repository)".utf8)).short
  }

  private func path(_ digest: Digest) -> String { "\(folder)/push-\(key)-\(digest.hex).upload" }

  /// The session's address that was noted last.
  func recall(_ digest: Digest) -> String? {
    guard let bytes = try? Files.read(path(digest), limit: 16 << 10) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Notes a session. A journal that cannot be written costs only the resuming.
  func note(_ digest: Digest, _ location: String) {
    try? AtomicFile.write(Array(location.utf8), to: path(digest), mode: 0o600)
  }

  /// Forgets a session that has ended.
  func forget(_ digest: Digest) { try? Files.remove(path(digest)) }
}
