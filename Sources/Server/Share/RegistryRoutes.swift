// SPDX-License-Identifier: Apache-2.0
// The share as a registry that can only be read (opencontainers/distribution-spec, "Pull" and "Content Discovery").

internal import Basics
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOPosix
internal import Store

/// Answers in the registries' protocol.
struct RegistryRoutes: Sendable {
  let models: SharedModels
  let chunkByteCount: Int

  /// - Parameter path: what follows `/v2`, decoded, in parts.
  func answer(_ request: Request, _ path: [String]) async throws -> Response {
    if path.isEmpty { return Response([:], headers: ShareProblem.registryHeaders) }
    if path == ["_catalog"] {
      let names = try models.repositories().keys.sorted()
      return Response(["repositories": .array(names.map { .string($0) })], headers: ShareProblem.registryHeaders)
    }
    guard path.count >= 3 else { throw unknown("NAME_UNKNOWN", "There is no such repository.") }
    let (action, last) = (path[path.count - 2], path[path.count - 1])
    let name = path.dropLast(2).joined(separator: "/")
    guard let repository = try models.repository(name) else {
      throw unknown("NAME_UNKNOWN", "There is no such repository.")
    }
    switch action {
    case "manifests": return try await manifest(repository, last)
    case "blobs": return try await blob(repository, last, request)
    case "tags" where last == "list":
      let tags = repository.variants.map { JSONValue.string($0.stored.reference.variant) }
      return Response(["name": .string(name), "tags": .array(tags)], headers: ShareProblem.registryHeaders)
    default: throw unknown("UNSUPPORTED", "There is no such page.")
    }
  }

  private func unknown(_ code: String, _ message: String) -> ShareProblem { .registry(.notFound, code, message) }

  private func manifest(_ repository: SharedRepository, _ name: String) async throws -> Response {
    let found: SharedModel? =
      if let digest = Digest(name) {
        repository.variants.first { $0.stored.digest == digest }
      } else {
        repository.variants.first { $0.stored.reference.variant == name }
          ?? (name == "latest" || name == Reference.mainVariant ? repository.standard : nil)
      }
    guard let stored = found?.stored else { throw unknown("MANIFEST_UNKNOWN", "The repository has no such version.") }
    let store = models.store
    let bytes = try await NIOThreadPool.singleton.runIfActive { try store.manifestBytes(stored) }
    var headers = ShareProblem.registryHeaders
    headers[.contentType] = Manifest.mediaType
    headers[.eTag] = "\"\(stored.digest)\""
    if let field = Self.digestField { headers[field] = stored.digest.description }
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  private func blob(_ repository: SharedRepository, _ name: String, _ request: Request) async throws -> Response {
    // Only contents of this repository's models: a digest alone opens nothing.
    guard let digest = Digest(name), let byteCount = repository.variants.lazy.compactMap({ $0.blobs[digest] }).first
    else {
      throw unknown("BLOB_UNKNOWN", "The repository has no such content.")
    }
    let answer = FileAnswer(
      path: models.store.path(of: digest), digest: digest, byteCount: byteCount, chunkByteCount: chunkByteCount)
    var headers = ShareProblem.registryHeaders
    if let field = Self.digestField { headers[field] = digest.description }
    return try await answer.response(request, headers: headers)
  }

  private static let digestField = HTTPField.Name("Docker-Content-Digest")
}
