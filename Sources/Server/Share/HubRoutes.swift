// SPDX-License-Identifier: Apache-2.0
// The share as a model hub: what `impetus pull --endpoint` and the hub's own client ask for. Every file is announced as
// a large one, with its SHA-256, so that clients which check can.

internal import Basics
internal import HTTPTypes
internal import Hummingbird
internal import Store

/// Answers in the hub's protocol.
struct HubRoutes: Sendable {
  let models: SharedModels
  let chunkByteCount: Int

  /// - Parameter path: the request's path, decoded, in parts.
  func answer(_ request: Request, _ path: [String]) async throws -> Response {
    if path.starts(with: ["api", "models"]) {
      return try await api(request, Array(path.dropFirst(2)))
    }
    if path.first == "api" { throw ShareProblem.hub(.notFound, "EntryNotFound", "This server shares models only.") }
    // NAME/resolve/REVISION/FILE or ORG/NAME/resolve/REVISION/FILE.
    guard let place = [2, 1].first(where: { path.count > $0 + 2 && path[$0] == "resolve" }) else {
      throw ShareProblem.hub(.notFound, "EntryNotFound", "There is no such page.")
    }
    let (model, commit) = try model(path[..<place].joined(separator: "/"), path[place + 1])
    let name = path[(place + 2)...].joined(separator: "/")
    guard let file = model.files[name] else {
      var problem = ShareProblem.hub(.notFound, "EntryNotFound", "The model has no such file.")
      problem.headers = Self.fields(["X-Repo-Commit": commit])
      throw problem
    }
    let answer = FileAnswer(
      path: models.store.path(of: file.digest), digest: file.digest, byteCount: file.byteCount,
      chunkByteCount: chunkByteCount)
    return try await answer.response(
      request,
      headers: Self.fields([
        "X-Repo-Commit": commit, "X-Linked-Size": "\(file.byteCount)", "X-Linked-Etag": "\"\(file.digest.hex)\"",
      ]))
  }

  private func api(_ request: Request, _ path: [String]) async throws -> Response {
    if path.isEmpty { return list(try models.repositories(), request) }
    let actions: Set<String> = ["revision", "tree", "refs"]
    let place = [2, 1].first { path.count > $0 && actions.contains(path[$0]) } ?? path.count
    guard place <= 2 else { throw ShareProblem.hub(.notFound, "RepoNotFound", "There is no such repository.") }
    let name = path[..<place].joined(separator: "/")
    if place < path.count, path[place] == "refs" { return refs(try repository(name)) }
    let revision = path.count > place + 1 ? path[place + 1] : "main"
    let (model, commit) = try model(name, revision)
    if place < path.count, path[place] == "tree" {
      let isDeep = ["true", "1", "True"].contains(request.uri.queryParameters["recursive"].map(String.init) ?? "")
      return tree(model, below: path.dropFirst(place + 2).joined(separator: "/"), isDeep: isDeep)
    }
    return Response(.object(Self.information(model, commit)))
  }

  // MARK: Looking up

  private func repository(_ name: String) throws -> SharedRepository {
    guard let repository = try models.repository(name) else {
      throw ShareProblem.hub(.notFound, "RepoNotFound", "There is no such repository.")
    }
    return repository
  }

  private func model(_ name: String, _ revision: String) throws -> (SharedModel, String) {
    guard let found = try repository(name).model(revision: revision) else {
      throw ShareProblem.hub(.notFound, "RevisionNotFound", "The repository has no such revision.")
    }
    return found
  }

  // MARK: Documents

  static func fields(_ values: [String: String]) -> HTTPFields {
    var fields = HTTPFields()
    for (key, value) in values { if let name = HTTPField.Name(key) { fields[name] = value } }
    return fields
  }

  private static func information(_ model: SharedModel, _ commit: String) -> JSONObject {
    let stored = model.stored
    let license = stored.license
    return [
      "_id": .string(String(stored.digest.hex.prefix(24))), "id": .string(stored.reference.model),
      "modelId": .string(stored.reference.model), "sha": .string(commit),
      "author": stored.reference.organization.map { .string($0) } ?? .null, "private": false, "gated": false,
      "disabled": false, "downloads": 0, "likes": 0, "tags": .array(license.map { [.string("license:\($0)")] } ?? []),
      "cardData": .object(license.map { ["license": .string($0)] } ?? [:]),
      "siblings": .array(stored.manifest.files.map { ["rfilename": .string($0.path)] }),
    ]
  }

  private func list(_ repositories: [String: SharedRepository], _ request: Request) -> Response {
    let search = request.uri.queryParameters["search"].map { $0.lowercased() } ?? ""
    let found = repositories.sorted { $0.key < $1.key }.filter { search.isEmpty || $0.key.contains(search) }
    return Response(
      .array(
        found.prefix(1000).compactMap { _, repository in
          (repository.standard ?? repository.variants.first).map { .object(Self.information($0, $0.commit)) }
        }))
  }

  private func refs(_ repository: SharedRepository) -> Response {
    let branches = repository.variants.map { model -> JSONValue in
      let name = model.stored.reference.variant
      return ["name": .string(name), "ref": .string("refs/heads/\(name)"), "targetCommit": .string(model.commit)]
    }
    return Response(["branches": .array(branches), "tags": [], "converts": []])
  }

  private func tree(_ model: SharedModel, below folder: String, isDeep: Bool) -> Response {
    var rows: [JSONValue] = []
    var folders: Set<String> = []
    for file in model.stored.manifest.files {
      guard folder.isEmpty || file.path.hasPrefix("\(folder)/") else { continue }
      let rest = folder.isEmpty ? Substring(file.path) : file.path.dropFirst(folder.utf8.count + 1)
      if !isDeep, let slash = rest.firstIndex(of: "/") {
        let name = (folder.isEmpty ? "" : "\(folder)/") + rest[..<slash]
        if folders.insert(name).inserted {
          rows.append([
            "type": "directory", "oid": .string(SHA1.gitBlob(Array(name.utf8))), "size": 0, "path": .string(name),
          ])
        }
      } else {
        rows.append(Self.row(file))
      }
    }
    return Response(.array(rows))
  }

  private static func row(_ file: ModelFile) -> JSONValue {
    // What git has of a large file: a pointer to its content.
    let pointer = Array(
      "version https://git-lfs.github.com/spec/v1\noid sha256:\(file.digest.hex)\nsize \(file.byteCount)\n".utf8)
    return [
      "type": "file", "oid": .string(SHA1.gitBlob(pointer)), "size": JSONValue(file.byteCount),
      "path": .string(file.path),
      "lfs": [
        "oid": .string(file.digest.hex), "size": JSONValue(file.byteCount), "pointerSize": JSONValue(pointer.count),
      ],
    ]
  }
}
