// SPDX-License-Identifier: Apache-2.0
// The newest version of a model as a side of a comparison: files by their hashes, and the small texts, fetched.

internal import Basics
internal import Hub
internal import Store

/// Files of a repository that a pull would take.
struct RemoteFiles {
  private let plan: PullPlan
  private let store: ModelStore
  private let client: HubClient

  init(_ plan: PullPlan, store: ModelStore, client: HubClient) {
    self.plan = plan
    self.store = store
    self.client = client
  }

  /// Largest file that is fetched only to be compared.
  private static let textLimit = 16 << 20
  private static let texts = [".json", ".jinja"]

  /// What marks a listed file's content: the SHA-256 where it is known, or follows from a file that is here.
  /// - Parameter digest: the content that is here under the same path.
  static func mark(of file: RepoFile, beside digest: Digest?, _ store: ModelStore) -> String {
    switch file.identity {
    case .sha256(let digest): return digest.description
    case .gitBlob(let id):
      if let known = store.digest(gitID: id.description) { return known.description }
      if let digest, store.holds(digest, byteCount: file.byteCount),
        let bytes = try? Files.read(store.path(of: digest), limit: 64 << 20), SHA1.gitBlob(bytes) == id.description
      {
        return digest.description
      }
      return "git:\(id)"
    }
  }

  /// The side, with the texts that differ from those of a model.
  func compared(beside model: StoredModel) async throws -> ComparedModel {
    let here = Dictionary(model.manifest.files.map { ($0.path, $0.digest) }) { first, _ in first }
    let taken = plan.selection.taken
    let listing = try RepoListing(
      repository: plan.resolved.repository, commit: plan.resolved.commit, files: taken)
    var files: [String: ComparedModel.File] = [:]
    var contents: [String: [UInt8]] = [:]
    for file in taken {
      let path = file.path.description
      let mark = Self.mark(of: file, beside: here[path], store)
      files[path] = ComparedModel.File(mark: mark, byteCount: file.byteCount)
      guard Self.texts.contains(where: { path.hasSuffix($0) }), file.byteCount <= Self.textLimit else { continue }
      if let digest = Digest(mark), store.holds(digest) {
        contents[path] = try Files.read(store.path(of: digest), limit: Self.textLimit)
      } else {
        contents[path] = try await client.content(of: file, in: listing, limit: Self.textLimit)
      }
    }
    let texts = contents
    return ComparedModel(
      name: "\(plan.resolved.repository) at \(plan.resolved.commit.short)", digest: nil, files: files, folder: nil
    ) { texts[$0] }
  }
}
