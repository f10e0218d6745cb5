// SPDX-License-Identifier: Apache-2.0
// The registry's endpoints.

import Basics
import Synchronization

struct RegistryAnswer {
  let registry: LoopbackRegistry
  let request: HTTPRequest
  let reply: HTTPReply
  let fault: RegistryFault.Action?

  /// Answers; false closes the connection.
  func send(_ place: RegistryFault.Place) -> Bool {
    switch place {
    case .blob: return blob()
    case .manifest: return manifest()
    case .uploadStart: return start()
    case .uploadStatus, .patch, .put: return upload(place)
    case .token: return false
    }
  }

  /// The repository and what follows the given part of the path.
  private func parts(_ separator: String) -> (repository: String, rest: String) {
    let path = HTTPRequest.decoded(request.path)
    let text = path.dropFirst("/v2/".count)
    guard let range = text.firstRange(of: separator) else { return ("", "") }
    return (String(text[..<range.lowerBound]), String(text[range.upperBound...]))
  }

  private func refuse(_ status: Int, _ code: String) -> Bool {
    reply.refuse(status, code, request)
    return true
  }

  private func blob() -> Bool {
    let (repository, name) = parts("/blobs/")
    let found = registry.state.withLock { state -> (bytes: [UInt8], redirect: String?)? in
      guard let digest = Digest(name), state.blobs[repository]?.contains(digest) == true else { return nil }
      return state.contents[digest].map { ($0, state.redirect) }
    }
    guard let found else { return refuse(404, "BLOB_UNKNOWN") }
    if let redirect = found.redirect, request.method == "GET" {
      reply.answer(307, [("Location", "\(redirect)\(name.dropFirst(7))?generation=1")])
      return true
    }
    let action: Fault.Action? = if case .content(let action) = fault { action } else { nil }
    return ContentAnswer(found.bytes, request, reply, action).send()
  }

  private func manifest() -> Bool {
    let (repository, name) = parts("/manifests/")
    let separator = name.hasPrefix("sha256:") ? "@" : ":"
    if request.method == "PUT" {
      let digest = Digest.of(request.body)
      registry.state.withLock { state in
        state.manifests["\(repository)\(separator)\(name)"] = request.body
        state.manifests["\(repository)@\(digest)"] = request.body
      }
      reply.answer(201, [("Docker-Content-Digest", digest.description), ("Location", request.path)])
      return true
    }
    let found = registry.state.withLock { ($0.manifests["\(repository)\(separator)\(name)"], $0.announcedDigest) }
    guard let bytes = found.0 else { return refuse(404, "MANIFEST_UNKNOWN") }
    reply.answer(
      200,
      [
        ("Content-Type", "application/vnd.oci.image.manifest.v1+json"),
        ("Docker-Content-Digest", found.1 ?? Digest.of(bytes).description),
      ], body: bytes)
    return true
  }

  private func start() -> Bool {
    let repository = parts("/blobs/uploads/").repository
    let mount = request.queryValue("mount").map { HTTPRequest.decoded($0) }
    let source = request.queryValue("from").map { HTTPRequest.decoded($0) }
    let session = registry.state.withLock { state -> String? in
      if let digest = mount.flatMap({ Digest($0) }), let source, state.blobs[source]?.contains(digest) == true,
        !state.refusesMounts
      {
        state.blobs[repository, default: []].insert(digest)
        return nil
      }
      let name = "session-\(state.next())"
      state.uploads[name] = LoopbackRegistry.Upload(repository: repository)
      return name
    }
    if let session {
      reply.answer(202, [("Location", "/v2/\(repository)/blobs/uploads/\(session)?_state=a%3D%3D"), ("Range", "0-0")])
    } else {
      reply.answer(201, [("Location", "/v2/\(repository)/blobs/\(mount ?? "")")])
    }
    return true
  }

  private func upload(_ place: RegistryFault.Place) -> Bool {
    let (repository, session) = parts("/blobs/uploads/")
    let bytes = registry.state.withLock { state -> [UInt8]? in
      guard state.uploads[session]?.repository == repository else { return nil }
      if case .cutAndForget = fault {
        state.uploads[session] = nil
        return nil
      }
      if place != .patch || !state.refusesPieces { state.uploads[session]?.bytes += request.body }
      return state.uploads[session]?.bytes
    }
    if request.isCut { return false }
    if place == .patch, registry.state.withLock({ $0.refusesPieces }) { return refuse(405, "UNSUPPORTED") }
    if let bytes, let first = request.headers["content-range"]?.split(separator: "-").first,
      Int(first) != bytes.count - request.body.count
    {
      return refuse(416, "RANGE_INVALID")
    }
    guard let bytes else { return refuse(404, "BLOB_UPLOAD_UNKNOWN") }
    let location = ("Location", "/v2/\(repository)/blobs/uploads/\(session)?_state=b%3D%3D")
    let range = ("Range", "0-\(max(0, bytes.count - 1))")
    switch place {
    case .uploadStatus: reply.answer(204, [location, range])
    case .patch:
      reply.answer(202, [location, range])
    default:
      let digest = Digest.of(bytes)
      registry.state.withLock { $0.uploads[session] = nil }
      guard request.queryValue("digest").map({ HTTPRequest.decoded($0) }) == digest.description else {
        return refuse(400, "DIGEST_INVALID")
      }
      registry.add(bytes, to: repository)
      reply.answer(201, [("Docker-Content-Digest", digest.description)])
    }
    return true
  }
}

extension HTTPReply {
  /// A registry's error; without a body where none may come.
  func refuse(_ status: Int, _ code: String, _ request: HTTPRequest, _ headers: [(String, String)] = []) {
    if request.method == "HEAD" { return head(status, headers + [("Content-Length", "0")]) }
    json(["errors": [["code": .string(code), "message": "no"]]], status: status, headers)
  }
}
