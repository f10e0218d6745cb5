// SPDX-License-Identifier: Apache-2.0
// The models of the hub's own cache: each snapshot, with the hashes that the names of its blobs promise.

internal import Basics
internal import Hub
internal import Store

/// Looks for models in the hub's cache.
struct HubCacheModels {
  let cache: HubCache
  /// Where the hub is, for the origin.
  let endpoint: String

  func models() -> [FoundModel] {
    cache.snapshots().flatMap { snapshot in
      let repository = snapshot.repository
      let files = snapshot.files.map {
        FoundFile(
          path: $0.path.description, source: $0.source, byteCount: $0.byteCount, expected: $0.expected?.contentName)
      }
      let revision = snapshot.revision ?? (try? Revision(snapshot.commit.description)) ?? .main
      let reference = try? StoreDestination.reference(repository, revision)
      let origin = Origin(source: "\(endpoint)/\(repository)", revision: snapshot.commit.description)
      let title = snapshot.revision == .main ? "\(repository)" : "\(repository)@\(revision)"
      let ggufs = files.filter { $0.path.lowercased().hasSuffix(".gguf") }
      if !files.contains(where: { $0.path.hasSuffix(".safetensors") }), !ggufs.isEmpty {
        return ggufs.map { file in
          GGUFFiles.model(
            .huggingFace, title: "\(title)/\(file.path)", path: file.source, expected: file.expected,
            reference: .adapted(
              organization: repository.owner, name: repository.name,
              variant: String(Files.name(of: file.path).dropLast(5))), origin: origin)
        }
      }
      let taken = Self.needed(files)
      let missing = snapshot.missing.filter { path in
        Self.needed([FoundFile(path: path, source: "", byteCount: 0)] + files).contains { $0.path == path }
      }
      let fault = missing.first.map { "\($0) is missing" } ?? SnapshotCompleteness.fault(taken)
      return [
        FoundModel(
          keeper: .huggingFace, title: title, place: snapshot.folder, reference: reference, origin: origin,
          form: fault.map { .unusable($0) } ?? .snapshot(taken))
      ]
    }
  }

  /// What a pull would take of these files. Only names count for that; the hashes here are stand-ins.
  private static func needed(_ files: [FoundFile]) -> [FoundFile] {
    guard let repository = try? RepoID("a/b"), let commit = CommitID(String(repeating: "0", count: 40)) else {
      return []
    }
    let rows = files.compactMap { file in
      (try? RepoPath(file.path)).map {
        RepoFile(path: $0, byteCount: file.byteCount, identity: .sha256(.of(Array(file.path.utf8))))
      }
    }
    guard let listing = try? RepoListing(repository: repository, commit: commit, files: rows) else { return [] }
    let taken = Set(Selection().apply(to: listing).taken.map(\.path.description))
    return files.filter { taken.contains($0.path) }
  }
}

extension ContentIdentity {
  /// The same as the store calls it.
  var contentName: ContentName {
    switch self {
    case .sha256(let digest): .sha256(digest)
    case .gitBlob(let id): .gitBlob(id.description)
    }
  }
}
