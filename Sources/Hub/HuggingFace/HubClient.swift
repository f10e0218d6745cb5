// SPDX-License-Identifier: Apache-2.0
// Asks the hub: which commit is a revision, and what does a commit hold. Two questions are all that
// a pull needs before its bytes; no request is made per file.

public import Basics
internal import Synchronization

/// A client of one hub. All its requests share connections, gates and the rate limit.
public final class HubClient: Sendable {
  /// Where the hub is and how it is asked.
  public let settings: HubSettings
  let courier: Courier
  /// Clients of the mirrors.
  let mirrors: [HubClient]
  /// Whether another client can be asked instead of this one.
  private let hasAlternatives: Bool
  /// Which of this client and its mirrors answered last: it is asked first.
  private let preferred = Atomic<Int>(0)

  /// - Parameter notice: Told about waiting and trying again, from any thread.
  /// - Throws: `HubProblem.network` when libcurl cannot start.
  public init(
    _ settings: HubSettings, notice: @escaping @Sendable (DownloadEvent) -> Void = { _ in }
  ) throws(HubProblem) {
    self.settings = settings
    hasAlternatives = !settings.mirrors.isEmpty
    for file in [settings.network.authorityFile, settings.network.authorityFolder] {
      if let file, Files.kind(file) == nil {
        throw .invalidSetting(name: "the certificate path \(file)", why: "there is no such file or folder")
      }
    }
    do {
      let (transfer, gates) = (try Transfer(settings.network), OriginGates())
      courier = Courier(settings: settings, transfer: transfer, gates: gates, notice: notice)
      mirrors = settings.mirrors.map { address in
        let own = settings.mirror(address)
        return HubClient(own, Courier(settings: own, transfer: transfer, gates: gates, notice: notice))
      }
    } catch {
      throw .network(host: settings.endpoint.place, why: error.reason)
    }
  }

  private init(_ settings: HubSettings, _ courier: Courier) {
    self.settings = settings
    self.courier = courier
    hasAlternatives = true
    mirrors = []
  }

  /// This client and its mirrors.
  var all: [HubClient] { [self] + mirrors }

  /// Asks this client, or the mirror that answered last, and the others when it fails.
  /// - Throws: what the endpoint itself failed with, when all have failed.
  func anyOf<Value: Sendable>(
    _ ask: (HubClient) async throws(HubProblem) -> Value
  ) async throws(HubProblem) -> Value {
    let clients = all
    let first = preferred.load(ordering: .relaxed)
    var problems: [Int: HubProblem] = [:]
    for step in clients.indices {
      let index = (first + step) % clients.count
      do throws(HubProblem) {
        let value = try await ask(clients[index])
        preferred.store(index, ordering: .relaxed)
        return value
      } catch {
        switch error {
        case .cancelled, .offline: throw error
        default: problems[index] = error
        }
        if clients.count > 1 { courier.notice(.retrying(problem: error, pause: .zero)) }
      }
    }
    throw problems[0] ?? .cancelled
  }

  /// A repository at a fixed commit.
  public struct Resolved: Sendable, Equatable {
    /// The name as asked for, or the new one when the repository has moved.
    public let repository: RepoID
    public let commit: CommitID
    /// The hub's own description of the model (tags, licence, …); null for a revision that was a commit.
    public let card: JSONValue
  }

  /// Finds the commit of a branch or tag. A full commit is returned without asking.
  /// - Parameter describes: asks about a full commit too, for the hub's description.
  public func resolve(
    _ repository: RepoID, _ revision: Revision, describes: Bool = false
  ) async throws(HubProblem) -> Resolved {
    if let commit = revision.commit, !describes { return Resolved(repository: repository, commit: commit, card: .null) }
    return try await anyOf { client throws(HubProblem) in try await client.resolveHere(repository, revision) }
  }

  private func resolveHere(_ repository: RepoID, _ revision: Revision) async throws(HubProblem) -> Resolved {
    let path = "/api/models/\(repository)/revision/\(WebAddress.segment(revision.description))"
    let question = question(repository, revision: revision.description)
    let (json, _) = try await ask(path, question)
    guard let commit = json["sha"]?.stringValue.flatMap({ CommitID($0) }) else {
      throw .notAHub(host: settings.endpoint.place, why: "the answer names no commit")
    }
    return Resolved(repository: moved(json, from: repository), commit: commit, card: json)
  }

  /// A repository that was renamed answers under its new name.
  private func moved(_ json: JSONValue, from repository: RepoID) -> RepoID {
    guard let text = (json["id"] ?? json["modelId"])?.stringValue, let new = try? RepoID(text) else {
      return repository
    }
    return new
  }

  /// Every file of a commit with its size and hash.
  /// - Throws: `HubProblem.invalidListing` when a row must not be believed.
  public func listing(_ repository: RepoID, _ commit: CommitID) async throws(HubProblem) -> RepoListing {
    try await anyOf { client throws(HubProblem) in try await client.listingHere(repository, commit) }
  }

  private func listingHere(_ repository: RepoID, _ commit: CommitID) async throws(HubProblem) -> RepoListing {
    let question = question(repository, revision: commit.description)
    let start = "/api/models/\(repository)/tree/\(commit)?recursive=true&expand=false"
    guard var page = settings.address(start) else { throw unusable(start) }
    var files: [RepoFile] = []
    var seen: Set<WebAddress> = []
    while true {
      guard seen.insert(page).inserted, seen.count <= Self.pageLimit else {
        throw .invalidListing(repository: repository.description, why: "its pages do not end")
      }
      let (json, head) = try await ask(page, question)
      files += try RepoListing.files(ofPage: json, repository: repository)
      guard files.count <= Self.fileLimit else {
        throw .invalidListing(repository: repository.description, why: "more than \(Self.fileLimit) files")
      }
      guard let link = Self.nextPage(head) else { break }
      guard let next = page.resolving(link) else { throw unusable(link) }
      page = next
    }
    return try RepoListing(repository: repository, commit: commit, files: files)
  }

  static let pageLimit = 2000
  static let fileLimit = 200_000

  /// The content of a small file, checked against its identity.
  /// - Parameter limit: Files larger than this are refused.
  public func content(
    of file: RepoFile, in listing: RepoListing, limit: Int = 16 << 20
  ) async throws(HubProblem) -> [UInt8] {
    try await anyOf { client throws(HubProblem) in try await client.contentHere(of: file, in: listing, limit: limit) }
  }

  private func contentHere(
    of file: RepoFile, in listing: RepoListing, limit: Int
  ) async throws(HubProblem) -> [UInt8] {
    guard file.byteCount <= limit else {
      throw .wrongBytes(path: file.path.description, why: "it has \(file.byteCount) bytes, more than \(limit)")
    }
    let address = try resolveAddress(file.path, of: listing.repository, at: listing.commit)
    let question = question(listing.repository, revision: listing.commit.description, path: file.path)
    let delivery = try await carry(address, question, bodyLimit: limit + 1)
    let body = delivery.response.body
    let found: ContentIdentity? =
      switch file.identity {
      case .sha256: .sha256(.of(body))
      case .gitBlob: GitObjectID(SHA1.gitBlob(body)).map { .gitBlob($0) }
      }
    guard found == file.identity else {
      throw .checksumMismatch(
        path: file.path.description, expected: file.identity.description, found: found?.description ?? "",
        why: "\(body.count) of \(file.byteCount) bytes came")
    }
    return body
  }

  // MARK: Asking

  func question(_ repository: RepoID, revision: String? = nil, path: RepoPath? = nil) -> HubQuestion {
    HubQuestion(
      repository: repository, revision: revision, path: path, endpoint: settings.endpoint, token: settings.token)
  }

  /// The address of a file's bytes.
  func resolveAddress(_ path: RepoPath, of repository: RepoID, at commit: CommitID) throws(HubProblem) -> WebAddress {
    let text = "/\(repository)/resolve/\(commit)/\(path.encoded)"
    guard let address = settings.address(text) else { throw unusable(text) }
    return address
  }

  func unusable(_ text: String) -> HubProblem {
    .notAHub(host: settings.endpoint.place, why: "\"\(text.prefix(200))\" is no usable address")
  }

  private func ask(_ path: String, _ question: HubQuestion) async throws(HubProblem) -> (JSONValue, ResponseHead) {
    guard let address = settings.address(path) else { throw unusable(path) }
    return try await ask(address, question)
  }

  func ask(
    _ address: WebAddress, _ question: HubQuestion
  ) async throws(HubProblem) -> (JSONValue, ResponseHead) {
    let delivery = try await carry(address, question, bodyLimit: 64 << 20, acceptsCompression: true)
    do {
      let limits = JSONLimits(depth: 64, byteCount: 64 << 20, duplicateKeys: .lastWins)
      return (try JSONReader.parse(delivery.response.body, limits: limits), delivery.response.head)
    } catch {
      throw .notAHub(
        host: delivery.address.place, why: delivery.response.head.isHTML ? "a web page came" : error.description)
    }
  }

  /// Asks until there is an answer or patience ends; anything but 200 is a problem.
  private func carry(
    _ address: WebAddress, _ question: HubQuestion, bodyLimit: Int, acceptsCompression: Bool = false
  ) async throws(HubProblem) -> Delivery {
    if let setting = settings.offlineBecause {
      throw .offline(wanted: question.subject, setting: setting)
    }
    var failures = 0
    while true {
      do throws(FetchFailure) {
        let delivery = try await courier.carry(
          address, patience: settings.questionPatience, bodyLimit: bodyLimit, acceptsCompression: acceptsCompression)
        guard delivery.response.head.status == 200 else {
          throw .final(question.problem(delivery.response, from: delivery.address))
        }
        return delivery
      } catch {
        failures += 1
        try await pause(after: error, failures: failures)
      }
    }
  }

  /// Waits for the next attempt; not for long where a mirror can be asked instead.
  func pause(after failure: FetchFailure, failures: Int) async throws(HubProblem) {
    if hasAlternatives {
      try await courier.pause(after: failure, failures: failures, attempts: 2, longestWait: .seconds(5))
    } else {
      try await courier.pause(after: failure, failures: failures)
    }
  }

  /// The address of `rel="next"` among the `Link` headers.
  static func nextPage(_ head: ResponseHead) -> String? {
    for value in head.values("link") {
      var rest = Substring(value)
      while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
        let target = rest[rest.index(after: open)..<close]
        rest = rest[rest.index(after: close)...]
        let parameters = rest.prefix { $0 != "," }.split(separator: ";").map { $0.trimmingBlanks }
        if parameters.contains("rel=\"next\"") || parameters.contains("rel=next") { return String(target) }
      }
    }
    return nil
  }
}

extension Courier {
  /// Sleeps before the next attempt, or throws when there is to be none.
  /// - Parameters:
  ///   - attempts: most attempts, where these are fewer than usual.
  ///   - longestWait: a longer wait is not made, where there are others to ask.
  package func pause(
    after failure: FetchFailure, failures: Int, attempts: Int = .max, longestWait: Duration? = nil
  ) async throws(HubProblem) {
    guard case .transient(let problem, let wait) = failure, failures < min(attempts, settings.retry.attempts),
      (longestWait.map { (wait ?? .zero) <= $0 }) ?? true
    else { throw failure.problem }
    let pause = wait ?? settings.retry.pause(afterFailure: failures)
    notice(.retrying(problem: problem, pause: pause))
    do { try await Task.sleep(for: pause) } catch { throw .cancelled }
  }
}
