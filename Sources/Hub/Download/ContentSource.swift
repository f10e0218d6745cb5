// SPDX-License-Identifier: Apache-2.0
// Where a file's bytes come from. Plain HTTP through the hub's resolve address is the one back-end
// here; one for chunked storage (Xet) would stand beside it: the sink and the final hash are the same.

internal import Basics
internal import Synchronization

/// Brings ranges of one file.
package protocol ContentSource: Sendable {
  /// One attempt to bring what the sink still misses. What came before a failure stays in the sink.
  func fetch(into sink: RangeSink) async throws(FetchFailure)
  /// The whole of what came had the wrong hash: another server is asked from now on, where there is one.
  func distrust()
}

extension ContentSource {
  package func distrust() {}
}

/// Plain HTTP: `resolve` on the hub, which sends small files itself and redirects to a signed link
/// for large ones. All ranges of a file share one link, which is renewed when it expires.
package final class ResolveSource: ContentSource {
  private let courier: Courier
  private let headers: [Header]
  /// The problem of an answer of the hub itself that is no success.
  private let refusal: @Sendable (Response, WebAddress) -> HubProblem
  private let file: RepoFile
  private let address: WebAddress
  private let link: SignedLink
  /// Refusals of fresh links in a row: a link that was just renewed cannot have expired.
  private let refusals = Atomic<Int>(0)
  /// Answers of another length in a row.
  private let lengths = Atomic<Int>(0)

  convenience init(
    _ client: HubClient, _ file: RepoFile, of repository: RepoID, at commit: CommitID
  ) throws(HubProblem) {
    let question = client.question(repository, revision: commit.description, path: file.path)
    self.init(
      client.courier, file, at: try client.resolveAddress(file.path, of: repository, at: commit),
      headers: [Header("X-HF-Download-Counter", "1")]
    ) { question.problem($0, from: $1) }
  }

  /// A file at an address of any endpoint that sends bytes itself or redirects to who does.
  package init(
    _ courier: Courier, _ file: RepoFile, at address: WebAddress, headers: [Header] = [],
    refusal: @escaping @Sendable (Response, WebAddress) -> HubProblem
  ) {
    self.courier = courier
    self.headers = headers
    self.refusal = refusal
    self.address = address
    self.file = file
    link = SignedLink()
  }

  package func fetch(into sink: RangeSink) async throws(FetchFailure) {
    let used = try await start(sink)
    let range = sink.beginAttempt()
    let delivery = try await courier.carry(
      used, headers: headers + (range.map { [$0] } ?? []),
      patience: courier.settings.bytePatience, bodyLimit: 4096, into: sink, expecting: sink.remaining)
    try check(delivery.hubHeads)
    try judge(delivery, used, sink)
    refusals.store(0, ordering: .relaxed)
    lengths.store(0, ordering: .relaxed)
  }

  /// Where to ask: straight at the hub for a file that comes in one piece, else at the shared link.
  private func start(_ sink: RangeSink) async throws(FetchFailure) -> WebAddress {
    if sink.position == 0 && sink.remaining == file.byteCount { return address }
    return try await link.address { [self] in await findLink() }
  }

  // MARK: The link

  /// Asks the hub for one byte and goes no further than its redirect to another server.
  private func findLink() async -> Result<WebAddress, FetchFailure> {
    do throws(FetchFailure) {
      let delivery = try await courier.carry(
        address, headers: [Header("Range", "bytes=0-0")], patience: courier.settings.questionPatience,
        bodyLimit: 4096, into: FirstByte(), stopAtForeign: true)
      try check(delivery.hubHeads)
      switch delivery.response.head.status {
      case 200, 206: return .success(delivery.address)
      case 301, 302, 303, 307, 308: return .success(delivery.next ?? delivery.address)
      default: throw .final(refusal(delivery.response, delivery.address))
      }
    } catch {
      return .failure(error)
    }
  }

  /// The hub names a large file's hash on its redirect; another one than listed is another file.
  private func check(_ heads: [ResponseHead]) throws(FetchFailure) {
    guard case .sha256(let wanted) = file.identity else { return }
    for head in heads {
      guard let tag = head.value("x-linked-etag"), let digest = Self.digest(tag), digest != wanted else { continue }
      throw .final(
        .checksumMismatch(
          path: file.path.description, expected: wanted.description, found: digest.description,
          why: "the hub now offers another file under this name"))
    }
  }

  /// The hash in an entity tag, with or without `W/` and quotes; nil when it is something else.
  private static func digest(_ tag: String) -> Digest? {
    var text = tag.hasPrefix("W/") ? tag.dropFirst(2) : Substring(tag)
    if text.hasPrefix("\""), text.hasSuffix("\""), text.utf8.count >= 2 { text = text.dropFirst().dropLast() }
    return Digest(hex: String(text))
  }

  // MARK: The answer

  private func judge(_ delivery: Delivery, _ used: WebAddress, _ sink: RangeSink) throws(FetchFailure) {
    let status = delivery.response.head.status
    let host = delivery.address.place
    let path = file.path.description
    switch sink.refusal {
    case .rangeIgnored: throw .rangeIgnored
    case .webPage:
      _ = link.expire(used)
      throw .transient(.wrongBytes(path: path, why: "\(host) sent a web page"), wait: nil)
    case .otherRange(let range):
      throw .transient(.wrongBytes(path: path, why: "\(host) sent the range \"\(range.prefix(80))\""), wait: nil)
    case .otherLength(let length):
      let problem = HubProblem.wrongBytes(path: path, why: "\(host) sends \(length) bytes of \(file.byteCount)")
      // Twice in a row it is no accident: the listing and the file do not agree.
      guard lengths.add(1, ordering: .relaxed).newValue < 2 else { throw .final(problem) }
      throw .transient(problem, wait: nil)
    case nil: break
    }
    if status == 200 || status == 206 {
      guard !sink.isComplete else { return }
      throw .transient(.network(host: host, why: "the answer ended \(sink.remaining) bytes early"), wait: nil)
    }
    if courier.isOwn(delivery.address) { throw .final(refusal(delivery.response, delivery.address)) }
    let message = ServerMessage.text(delivery.response)
    let refused = HubProblem.refused(host: host, status: status, message: message)
    guard [401, 403, 410].contains(status) else { throw .final(refused) }
    guard link.expire(used) || used == address else { throw .transient(refused, wait: .zero) }
    try decide(refused, sink)
  }

  /// A first refusal is an expired link. A second one in a row may be about ranges; a third is meant.
  private func decide(_ refused: HubProblem, _ sink: RangeSink) throws(FetchFailure) {
    switch refusals.add(1, ordering: .relaxed).newValue {
    case 1: throw .transient(refused, wait: .zero)
    case 2: if sink.isWhole { throw .final(refused) } else { throw .rangeIgnored }
    default: throw .final(refused)
    }
  }
}

/// The link of a file, looked up once however many ask.
private final class SignedLink: Sendable {
  private struct State {
    var known: WebAddress?
    var search: Task<Result<WebAddress, FetchFailure>, Never>?
  }
  private let state = Mutex(State())

  /// The known link, or the outcome of the one search under way.
  func address(
    find: @escaping @Sendable () async -> Result<WebAddress, FetchFailure>
  ) async throws(FetchFailure) -> WebAddress {
    let search = state.withLock { state -> Task<Result<WebAddress, FetchFailure>, Never>? in
      if state.known != nil { return nil }
      if let running = state.search { return running }
      let started = Task { await find() }
      state.search = started
      return started
    }
    guard let search else {
      guard let known = state.withLock({ $0.known }) else { return try await address(find: find) }
      return known
    }
    let result = await withTaskCancellationHandler {
      await search.value
    } onCancel: {
      search.cancel()
    }
    state.withLock { state in
      if state.search == search {
        state.search = nil
        state.known = try? result.get()
      }
    }
    return try result.get()
  }

  /// Forgets a link that was refused. False when another one has taken its place already, or is
  /// looked for: the ranges that shared it are refused together.
  func expire(_ used: WebAddress) -> Bool {
    state.withLock { state in
      guard state.known == used else { return false }
      state.known = nil
      return true
    }
  }
}

/// Ends a transfer at its first byte: only the head was wanted.
private final class FirstByte: BodySink {
  func accepts(_ head: ResponseHead) -> Bool { head.status == 200 || head.status == 206 }
  func receive(_ bytes: UnsafeRawBufferPointer) -> SinkAnswer { .enough }
}
