// SPDX-License-Identifier: Apache-2.0
// A model hub with its CDN on two loopback ports, with faults to order. It speaks what the real one
// speaks: revision, tree with pages, resolve with relative and signed redirects, ranges, error codes.

public import Basics
internal import Glibc
public import Synchronization

/// A file that the hub serves.
public struct LoopbackFile: Sendable {
  public let path: String
  public let content: [UInt8]
  /// Large files have a SHA-256, and come from the CDN.
  public let isLarge: Bool
  public let digest: Digest
  public let gitID: String

  public init(_ path: String, _ content: [UInt8], isLarge: Bool = false) {
    self.path = path
    self.content = content
    self.isLarge = isLarge
    digest = .of(content)
    gitID = SHA1.gitBlob(content)
  }

  public init(_ path: String, _ text: String) { self.init(path, Array(text.utf8)) }

  /// A large file with bytes that differ everywhere.
  public static func large(_ path: String, byteCount: Int, seed: UInt64 = 1) -> LoopbackFile {
    LoopbackFile(path, Self.noise(byteCount, seed: seed), isLarge: true)
  }

  /// A large file of repeated noise, quick to make also where nothing is optimised.
  public static func tiled(_ path: String, byteCount: Int, seed: UInt64 = 1) -> LoopbackFile {
    let tile = Self.noise(65_521, seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount + tile.count)
    while bytes.count < byteCount { bytes += tile }
    return LoopbackFile(path, Array(bytes[..<byteCount]), isLarge: true)
  }

  /// Reproducible bytes.
  public static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state >> 32)
    }
  }
}

/// What the hub should do wrong, where, and how often.
public struct Fault: Sendable {
  /// The endpoints that can be told apart.
  public enum Place: Sendable, Equatable { case info, tree, resolve, cache, cdn, search }

  /// The wrong-doing.
  public enum Action: Sendable {
    /// Ends the connection after so many body bytes; by a reset where asked.
    case cut(after: Int, reset: Bool = false)
    /// Of a longer body sends so many bytes and then nothing, until the hub is told to go on or the client has gone. Goes
    /// on with the rest, or ends the connection.
    case hold(after: Int, cuts: Bool = false)
    /// Changes the byte at this offset of the file.
    case flip(at: Int)
    /// Answers 200 with everything to a range.
    case ignoreRange
    /// Answers without a length, in chunks, and ignores ranges.
    case chunked
    /// Says it sends another range than asked for.
    case wrongContentRange
    /// Answers with this status, headers and body.
    case status(Int, [(String, String)] = [], body: String = "")
    /// Redirects to itself.
    case loop
    /// Sends a web page with status 200.
    case webPage
    /// Sends endless headers.
    case hugeHeaders
    /// Sends this many bytes a second.
    case throttle(Int)
    /// Begins a head and sends so many letters of it, a thousand a second.
    case slowHead(letters: Int)
    /// Does nothing wrong: the next fault strikes later requests.
    case none
  }

  public let place: Place
  public let action: Action
  /// How often it strikes; nil for ever.
  public var times: Int?
  /// Only requests whose path contains this.
  public var matching: String
  /// Only requests for bytes from here on.
  public var from: Int

  public init(_ place: Place, _ action: Action, times: Int? = 1, matching: String = "", from: Int = 0) {
    self.from = from
    self.place = place
    self.action = action
    self.times = times
    self.matching = matching
  }
}

/// A request that came.
public struct LoopbackRecord: Sendable {
  public let place: Fault.Place
  public let request: HTTPRequest
  fileprivate let reply: HTTPReply
  /// Body bytes that went out so far.
  public var sentByteCount: Int { reply.sentByteCount }
}

/// The hub. Call `stop` at the end of a test.
public final class LoopbackHub: Sendable {
  /// The state that tests change.
  public struct State: Sendable {
    public var repository = "org/model"
    /// An old name that redirects to the repository.
    public var formerName = "org/old"
    public var commit = String(repeating: "c0ffee42", count: 5)
    public var files: [LoopbackFile] = []
    public var pageSize = 1000
    public var faults: [Fault] = []
    /// Asks for this token when set.
    public var token: String?
    public var isGated = false
    /// The licence that the card names.
    public var license: String?
    /// Replaces the tree's rows.
    public var rows: JSONValue?
    /// What a search finds, before the page is cut.
    public var found: [JSONValue] = []
    /// Links made in an earlier generation have expired.
    public var generation = 1
    /// Sends the large files' tags as some mirrors do: weak and without quotes.
    public var hasOddTags = false
    public var records: [LoopbackRecord] = []
  }

  public let state: Mutex<State>
  let held = HeldAnswers()
  private let hub: Mutex<HTTPServer?>
  private let cdn: Mutex<HTTPServer?>
  /// The hub's port and the CDN's.
  public let ports: (hub: Int, cdn: Int)

  public init(_ files: [LoopbackFile] = []) throws {
    let router = Router()
    let hub = try HTTPServer { router.hub($0, $1) }
    let cdn = try HTTPServer { router.cdn($0, $1) }
    ports = (hub.port, cdn.port)
    self.hub = Mutex(hub)
    self.cdn = Mutex(cdn)
    var state = State()
    state.files = files
    self.state = Mutex(state)
    router.owner.withLock { $0 = Unowned(self) }
    hub.start()
    cdn.start()
  }

  deinit { stop() }

  public var endpoint: String { "http://127.0.0.1:\(ports.hub)" }

  /// Closes both ports. Answers under way end.
  public func stop() {
    hub.withLock { $0.take()?.stop() }
    cdn.withLock { $0.take()?.stop() }
  }

  /// Orders faults.
  public func order(_ faults: Fault...) { state.withLock { $0.faults += faults } }

  /// All requests so far, in the order they came.
  public var records: [LoopbackRecord] { state.withLock { $0.records } }
  /// Body bytes sent from a place, once all answers under way have ended.
  public func sentByteCount(_ place: Fault.Place) -> Int {
    try? settle()
    return startedByteCount(place)
  }
  /// Body bytes sent from a place so far.
  public func startedByteCount(_ place: Fault.Place) -> Int {
    records.filter { $0.place == place }.reduce(0) { $0 + $1.sentByteCount }
  }

  /// Bytes of files of a size that requests to the CDN asked for.
  /// - Parameter record: the first request that counts.
  public func asked(of byteCount: Int, from record: Int = 0) -> RangeSet<Int> {
    RangeSet(records[record...].filter { $0.place == .cdn }.map { $0.request.range(of: byteCount) ?? 0..<byteCount })
  }

  /// Answers that are held just now.
  public var heldCount: Int { held.count }
  /// Lets the held answers go on. Those that a fault holds later wait for the next call.
  public func release() { held.release() }

  /// Waits until every request has been read and answered, or given up.
  public func settle() throws {
    try waitUntil {
      [hub.withLock { $0 }, cdn.withLock { $0 }].allSatisfy { $0?.isQuiet ?? true }
    }
  }

  /// The next fault for a request; its count goes down.
  func takeFault(_ place: Fault.Place, _ request: HTTPRequest) -> Fault.Action? {
    let first = request.range(of: .max)?.lowerBound ?? 0
    return state.withLock { state in
      let found = state.faults.firstIndex {
        $0.place == place && ($0.times ?? 1) > 0 && $0.from <= first
          && ($0.matching.isEmpty || request.target.contains($0.matching))
      }
      guard let found else { return nil }
      if let times = state.faults[found].times { state.faults[found].times = times - 1 }
      return state.faults[found].action
    }
  }
}

/// A reference that does not keep the hub alive; requests after its end find nothing.
struct Unowned: Sendable {
  private(set) weak var hub: LoopbackHub?
  init(_ hub: LoopbackHub) { self.hub = hub }
}

/// Finds the answer to a request.
final class Router: Sendable {
  let owner = Mutex<Unowned?>(nil)

  private func current() -> LoopbackHub? { owner.withLock { $0?.hub } }

  func hub(_ request: HTTPRequest, _ reply: HTTPReply) -> Bool {
    guard let hub = current() else { return false }
    let state = hub.state.withLock { $0 }
    if request.path.contains("/\(state.formerName)/") {
      let parts = request.target.split(separator: state.formerName, maxSplits: 1).map(String.init)
      reply.answer(307, [("Location", parts[0] + state.repository + parts[1])])
      return true
    }
    let place = Self.place(request.path, state)
    guard let place else {
      reply.answer(404, [("X-Error-Code", "RepoNotFound"), ("X-Error-Message", "Repository not found")])
      return true
    }
    return note(hub, place, request, reply) { self.answer(place, request, reply, state, hub) }
  }

  func cdn(_ request: HTTPRequest, _ reply: HTTPReply) -> Bool {
    guard let hub = current() else { return false }
    let state = hub.state.withLock { $0 }
    return note(hub, .cdn, request, reply) {
      guard request.queryValue("generation") == "\(state.generation)" else {
        reply.answer(
          403, body: Array("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>".utf8))
        return true
      }
      let hex = String(request.path.dropFirst("/blob/".count))
      guard let file = state.files.first(where: { $0.digest.hex == hex }) else {
        reply.answer(404)
        return true
      }
      return ContentAnswer(file.content, request, reply, hub.takeFault(.cdn, request), held: hub.held)
        .send()
    }
  }

  private func note(
    _ hub: LoopbackHub, _ place: Fault.Place, _ request: HTTPRequest, _ reply: HTTPReply, _ body: () -> Bool
  ) -> Bool {
    hub.state.withLock { $0.records.append(LoopbackRecord(place: place, request: request, reply: reply)) }
    return body()
  }

  private static func place(_ path: String, _ state: LoopbackHub.State) -> Fault.Place? {
    let name = state.repository
    if path.hasPrefix("/api/models/\(name)/revision/") { return .info }
    if path.hasPrefix("/api/models/\(name)/tree/") { return .tree }
    if path.hasPrefix("/\(name)/resolve/") { return .resolve }
    if path == "/api/models" { return .search }
    return path.hasPrefix("/api/resolve-cache/models/\(name)/") ? .cache : nil
  }

  private func answer(
    _ place: Fault.Place, _ request: HTTPRequest, _ reply: HTTPReply, _ state: LoopbackHub.State, _ hub: LoopbackHub
  ) -> Bool {
    if let refused = refusal(place, request, state) {
      reply.answer(refused.0, refused.1)
      return true
    }
    let fault = place == .cache ? nil : hub.takeFault(place, request)
    if case .cut(_, let isReset) = fault {
      if isReset { reply.reset() }
      return false
    }
    if let fault, let goesOn = ContentAnswer([], request, reply, fault, held: hub.held).sendRefusal() { return goesOn }
    switch place {
    case .info: info(request, reply, state)
    case .tree: tree(request, reply, state, hub)
    case .search: search(request, reply, state, hub)
    case .resolve: resolve(request, reply, state, hub)
    case .cache:
      let path = HTTPRequest.decoded(String(request.path.split(separator: "/").dropFirst(6).joined(separator: "/")))
      guard let file = state.files.first(where: { $0.path == path }) else {
        reply.answer(404, [("X-Error-Code", "EntryNotFound")])
        return true
      }
      return ContentAnswer(file.content, request, reply, hub.takeFault(.cache, request), held: hub.held)
        .send()
    case .cdn: break
    }
    return true
  }

  private func refusal(
    _ place: Fault.Place, _ request: HTTPRequest, _ state: LoopbackHub.State
  ) -> (Int, [(String, String)])? {
    let sent = request.headers["authorization"]
    if let token = state.token {
      if sent == nil { return (401, [("X-Error-Code", "RepoNotFound"), ("X-Error-Message", "Repository not found")]) }
      if sent != "Bearer \(token)" {
        return (401, [("X-Error-Message", "Invalid credentials in Authorization header")])
      }
    }
    if state.isGated && (place == .resolve || place == .cache) {
      return (sent == nil ? 401 : 403, [("X-Error-Code", "GatedRepo"), ("X-Error-Message", "Access is restricted")])
    }
    return nil
  }

  private func info(_ request: HTTPRequest, _ reply: HTTPReply, _ state: LoopbackHub.State) {
    let revision = HTTPRequest.decoded(String(request.path.split(separator: "/").last ?? ""))
    guard ["main", "v1.0", "refs/pr/1", state.commit].contains(revision) else {
      return reply.answer(404, [("X-Error-Code", "RevisionNotFound"), ("X-Error-Message", "Invalid rev id")])
    }
    var card: JSONObject = [
      "id": .string(state.repository), "sha": .string(state.commit), "gated": .bool(state.isGated),
    ]
    if let license = state.license { card["cardData"] = ["license": .string(license)] }
    reply.json(.object(card))
  }

  private func search(_ request: HTTPRequest, _ reply: HTTPReply, _ state: LoopbackHub.State, _ hub: LoopbackHub) {
    let start = request.queryValue("cursor").flatMap { Int($0) } ?? 0
    let end = min(start + state.pageSize, state.found.count)
    let next = "<\(hub.endpoint)/api/models?cursor=\(end)>; rel=\"next\""
    reply.json(.array(Array(state.found[min(start, end)..<end])), end < state.found.count ? [("Link", next)] : [])
  }

  private func tree(_ request: HTTPRequest, _ reply: HTTPReply, _ state: LoopbackHub.State, _ hub: LoopbackHub) {
    if let rows = state.rows { return reply.json(rows) }
    let start = request.queryValue("cursor").flatMap { Int($0) } ?? 0
    let end = min(start + state.pageSize, state.files.count)
    let rows = state.files[min(start, end)..<end].map { file -> JSONValue in
      var row: JSONObject = ["type": "file", "path": .string(file.path), "size": JSONValue(file.content.count)]
      row["oid"] = .string(file.isLarge ? String(repeating: "0", count: 40) : file.gitID)
      if file.isLarge {
        row["lfs"] = ["oid": .string(file.digest.hex), "size": JSONValue(file.content.count), "pointerSize": 134]
      }
      return .object(row)
    }
    var headers: [(String, String)] = []
    if end < state.files.count {
      headers = [("Link", "<\(hub.endpoint)\(request.path)?recursive=true&expand=false&cursor=\(end)>; rel=\"next\"")]
    }
    reply.json(.array(rows), headers)
  }

  private func resolve(_ request: HTTPRequest, _ reply: HTTPReply, _ state: LoopbackHub.State, _ hub: LoopbackHub) {
    let parts = request.path.split(separator: "/").map(String.init)
    let path = HTTPRequest.decoded(parts.dropFirst(4).joined(separator: "/"))
    let common = [("X-Repo-Commit", state.commit)]
    guard let file = state.files.first(where: { $0.path == path }) else {
      return reply.answer(404, common + [("X-Error-Code", "EntryNotFound"), ("X-Error-Message", "Entry not found")])
    }
    if file.isLarge {
      let tag = state.hasOddTags ? "W/\(file.digest.hex)" : "\"\(file.digest.hex)\""
      let link = "http://127.0.0.1:\(hub.ports.cdn)/blob/\(file.digest.hex)?generation=\(state.generation)&Signature=x"
      reply.answer(
        302, common + [("Location", link), ("X-Linked-ETag", tag), ("X-Linked-Size", "\(file.content.count)")])
    } else {
      let rest = parts.dropFirst(4).joined(separator: "/")
      reply.answer(
        307,
        common + [
          ("Location", "/api/resolve-cache/models/\(state.repository)/\(state.commit)/\(rest)?etag=1"),
          ("ETag", "\"\(file.gitID)\""),
        ])
    }
  }
}

extension RangeSet<Int> {
  /// How many numbers it holds.
  public var count: Int { ranges.reduce(0) { $0 + $1.count } }
}
