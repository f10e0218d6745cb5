// SPDX-License-Identifier: Apache-2.0
// Brings one blob into a repository: not at all where it is there, by a mount where another repository has it, in one
// request when it is small, else in pieces that go on where a broken connection left off.

public import Basics
internal import Hub

/// A content to be sent.
public struct Blob: Sendable, Equatable {
  /// Its name at the registry.
  public let digest: Digest
  public let byteCount: Int
  /// The file that holds it.
  public let path: String
  /// What it is to the user, for messages.
  public let place: String

  public init(digest: Digest, byteCount: Int, path: String, place: String) {
    self.digest = digest
    self.byteCount = byteCount
    self.path = path
    self.place = place
  }
}

/// How a blob came to be in the repository.
public enum BlobOutcome: String, Sendable { case present, mounted, uploaded }

extension RegistryClient {
  /// Sees to it that the repository has a blob.
  /// - Parameters:
  ///   - sources: repositories of the registry that may have it.
  ///   - journal: remembers unfinished uploads across runs of the program.
  ///   - progress: told how many bytes of the blob are there; it may go back.
  public func bring(
    _ blob: Blob, mountingFrom sources: [String] = [], journal: UploadJournal? = nil,
    progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws(RegistryProblem) -> BlobOutcome {
    if try await holds(blob.digest, byteCount: blob.byteCount) {
      progress(blob.byteCount)
      return .present
    }
    let upload = BlobUpload(client: self, blob: blob, journal: journal, progress: progress)
    return try await upload.run(mountingFrom: sources)
  }
}

/// An upload on its way.
private struct BlobUpload {
  let client: RegistryClient
  let blob: Blob
  let journal: UploadJournal?
  let progress: @Sendable (Int) -> Void

  /// Where the next bytes go.
  struct Session {
    var location: WebAddress
    var offset = 0
    /// Least size of a piece that the registry takes.
    var leastChunk = 0
  }

  /// What one attempt ended with, when it did not succeed.
  enum Fault: Error {
    /// Another attempt may succeed, after a look at how far this one came.
    case broken(FetchFailure)
    /// The registry has forgotten the session, or says that its bytes are wrong.
    case sessionLost(RegistryProblem)
    /// The registry takes no pieces.
    case wholeOnly(RegistryProblem)
    case final(RegistryProblem)
  }

  func run(mountingFrom sources: [String]) async throws(RegistryProblem) -> BlobOutcome {
    var session: Session?
    for source in sources where source != client.address.repository {
      let response = try await client.ask(
        .post, "blobs/uploads/?mount=\(WebAddress.segment(blob.digest.description))&from=\(WebAddress.segment(source))")
      // A registry that will not mount may begin an upload instead, or refuse: neither is an error.
      if response.head.status == 201 {
        progress(blob.byteCount)
        return .mounted
      }
      if response.head.status == 202 { session = try begun(response) }
    }
    try await send(session)
    journal?.forget(blob.digest)
    progress(blob.byteCount)
    return .uploaded
  }

  /// Sends everything, in as many attempts as make progress.
  private func send(_ begun: Session?) async throws(RegistryProblem) {
    var session = try await recalled()
    if session == nil { session = begun }
    var failures = 0
    var losses = 0
    var isWhole = false
    while true {
      var current: Session
      if let session { current = session } else { current = try await begin() }
      if isWhole { current.leastChunk = blob.byteCount }
      let before = current.offset
      do throws(Fault) {
        return try await attempt(&current)
      } catch {
        switch error {
        case .final(let problem): throw problem
        case .sessionLost(let problem):
          losses += 1
          guard losses < 3 else { throw problem }
          journal?.forget(blob.digest)
          session = nil
        case .wholeOnly(let problem):
          guard !isWhole else { throw problem }
          isWhole = true
          session = nil
        case .broken(let failure):
          failures = current.offset > before ? 1 : failures + 1
          try await client.pause(after: failure, failures: failures)
          session = try await status(current)
        }
      }
    }
  }

  // MARK: Sessions

  private func begin() async throws(RegistryProblem) -> Session {
    let response = try await client.ask(.post, "blobs/uploads/")
    guard response.head.status == 202 else { throw client.problem(response, of: client.address) }
    return try begun(response)
  }

  private func begun(_ response: Response) throws(RegistryProblem) -> Session {
    guard let base = client.location("blobs/uploads/"),
      let location = response.head.value("location").flatMap({ base.resolving($0) }), isSafe(location)
    else { throw .notARegistry(host: client.address.host, why: "it names no place for an upload") }
    let least = response.head.value("oci-chunk-min-length").flatMap { Int($0) } ?? 0
    let session = Session(location: location, leastChunk: min(max(least, 0), 1 << 30))
    journal?.note(blob.digest, location.text)
    return session
  }

  /// Bytes never go from an encrypted connection to a plain one.
  private func isSafe(_ location: WebAddress) -> Bool {
    location.origin.scheme == "https" || client.courier.settings.endpoint.origin.scheme == "http"
  }

  /// The session of an earlier run, if the registry still knows it.
  private func recalled() async throws(RegistryProblem) -> Session? {
    guard let text = journal?.recall(blob.digest), let location = WebAddress(text), client.courier.isOwn(location)
    else { return nil }
    return try await status(Session(location: location))
  }

  /// How far the registry has come; nil when it does not know the session any more.
  private func status(_ session: Session) async throws(RegistryProblem) -> Session? {
    var failures = 0
    while true {
      do throws(FetchFailure) {
        let response = try await client.send(.get, session.location)
        guard [200, 202, 204].contains(response.head.status) else { return nil }
        var session = session
        session.offset = offset(response.head) ?? 0
        if let next = response.head.value("location").flatMap({ session.location.resolving($0) }), isSafe(next) {
          session.location = next
        }
        guard session.offset <= blob.byteCount else { return nil }
        progress(session.offset)
        return session
      } catch {
        failures += 1
        try await client.pause(after: error, failures: failures)
      }
    }
  }

  /// The number of bytes that `Range: 0-LAST` counts; registries say `0-0` for nothing, and for one byte.
  private func offset(_ head: ResponseHead) -> Int? {
    guard var text = head.value("range") else { return nil }
    if text.hasPrefix("bytes=") { text.removeFirst(6) }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, ends[0] == "0", let last = Int(ends[1]), (0..<Int.max).contains(last) else { return nil }
    return last == 0 ? 0 : last + 1
  }

  // MARK: Bytes

  /// Sends what is left.
  private func attempt(_ session: inout Session) async throws(Fault) {
    let chunk = max(client.settings.chunkByteCount, session.leastChunk)
    while blob.byteCount - session.offset > chunk {
      try await patch(&session, session.offset..<session.offset + chunk)
    }
    try await commit(session)
  }

  private func patch(_ session: inout Session, _ range: Range<Int>) async throws(Fault) {
    let headers = [
      Header("Content-Type", "application/octet-stream"),
      Header("Content-Range", "\(range.lowerBound)-\(range.upperBound - 1)"),
    ]
    let response = try await request(.patch, session.location, headers, range, client.settings.bytePatience)
    switch response.head.status {
    case 200...204:
      let next = response.head.value("location").map { session.location.resolving($0) } ?? session.location
      guard let next, isSafe(next) else {
        throw .final(.notARegistry(host: client.address.host, why: "it names no place for an upload"))
      }
      session.location = next
      // Without a Range the piece counts as taken; the digest decides in the end.
      let reached = offset(response.head) ?? range.upperBound
      guard reached > range.lowerBound, reached <= range.upperBound else {
        throw .sessionLost(
          .notARegistry(host: client.address.host, why: "it has \(reached) bytes after \(range.upperBound) were sent"))
      }
      session.offset = reached
      journal?.note(blob.digest, next.text)
    case 404, 416:
      throw .sessionLost(client.problem(response, of: client.address))
    case 400, 405, 411, 415, 501:
      throw .wholeOnly(client.problem(response, of: client.address))
    default:
      throw .final(client.problem(response, of: client.address))
    }
  }

  /// Sends the rest and ends the upload: only now the registry compares the digest.
  private func commit(_ session: Session) async throws(Fault) {
    let separator = session.location.text.contains("?") ? "&" : "?"
    let text = "\(session.location.text)\(separator)digest=\(WebAddress.segment(blob.digest.description))"
    guard let place = WebAddress(text) else {
      throw .final(.notARegistry(host: client.address.host, why: "it names no usable place for an upload"))
    }
    let range = session.offset..<blob.byteCount
    var headers = [Header("Content-Type", "application/octet-stream")]
    if session.offset > 0, !range.isEmpty {
      headers.append(Header("Content-Range", "\(range.lowerBound)-\(range.upperBound - 1)"))
    }
    let response = try await request(.put, place, headers, range, client.settings.commitPatience)
    switch response.head.status {
    case 200...204: return
    case 404, 416: throw .sessionLost(client.problem(response, of: client.address))
    case 400 where RegistryMessage.code(response) == "DIGEST_INVALID":
      throw .sessionLost(.wrongUpload(place: blob.place, message: RegistryMessage.text(response)))
    default: throw .final(client.problem(response, of: client.address))
    }
  }

  private func request(
    _ method: Request.Method, _ place: WebAddress, _ headers: [Header], _ range: Range<Int>, _ patience: Patience
  ) async throws(Fault) -> Response {
    var upload: UploadBody
    do { upload = try UploadBody(file: blob.path, range) } catch { throw .final(.transfer(.file(error))) }
    let progress = progress
    upload.progress = { progress(range.lowerBound + $0) }
    do {
      return try await client.send(method, place, headers: headers, upload: upload, patience: patience)
    } catch {
      if case .transient = error { throw .broken(error) }
      throw .final(.transfer(error.problem))
    }
  }
}
