// SPDX-License-Identifier: Apache-2.0
// The store as somebody sees it who only plans: what is there already, and nothing is written.

public import Basics
public import Hub
public import Store

/// A store that is looked at.
public struct StoreView: PullSource {
  private let store: ModelStore

  public init(store: ModelStore) { self.store = store }

  /// The store's folder for unfinished downloads, or the first folder above it that exists.
  public var partsFolder: String {
    var folder = store.layout.parts
    while !Files.isFolder(folder), folder != "/", folder != "." { folder = Files.parent(of: folder) }
    return folder
  }

  /// The digest of a content that is kept, also of one known by its git id.
  public func present(_ file: RepoFile) -> Digest? {
    let digest: Digest? =
      switch file.identity {
      case .sha256(let digest): digest
      case .gitBlob(let id): store.digest(gitID: id.description)
      }
    guard let digest, store.holds(digest, byteCount: file.byteCount) else { return nil }
    return digest
  }
}

extension [ModelStore] {
  /// A content that one of these stores has.
  /// - Parameter folder: where it is wanted.
  func content(of file: RepoFile, for folder: String) -> CachedContent? {
    for store in self {
      guard let digest = StoreView(store: store).present(file) else { continue }
      let path = store.path(of: digest)
      return CachedContent(file: file, path: path, keeper: .store, needsCopy: !Sharing.isLikely(path, in: folder))
    }
    return nil
  }
}
