// SPDX-License-Identifier: Apache-2.0
// An OCI registry on a loopback port, with a token server and faults to order. It speaks what registries speak: blob
// existence, mounts, uploads in pieces with sessions, ranged downloads, manifests, 401 with challenges.

public import Basics
public import Synchronization

/// What the registry should do wrong.
public struct RegistryFault: Sendable {
  /// The endpoints that can be told apart.
  public enum Place: Sendable, Equatable { case blob, uploadStart, uploadStatus, patch, put, manifest, token }

  /// The wrong-doing.
  public enum Action: Sendable {
    /// Breaks the connection after so many bytes of a request's body; what came is kept.
    case cutBody(after: Int)
    /// Breaks the connection, and forgets the upload.
    case cutAndForget(after: Int)
    /// Anything that a content can suffer on its way out.
    case content(Fault.Action)
    /// Answers with this status and body.
    case status(Int, body: String = "")
  }

  public let place: Place
  public let action: Action
  /// How often it strikes; nil for ever.
  public var times: Int?

  public init(_ place: Place, _ action: Action, times: Int? = 1) {
    self.place = place
    self.action = action
    self.times = times
  }
}

/// The registry. Call `stop` at the end of a test.
public final class LoopbackRegistry: Sendable {
  /// Who may use it.
  public enum Access: Sendable, Equatable {
    case open
    case basic(user: String, password: String)
    /// A token server at `/token`; with a name and password, or for everybody when they are nil.
    case token(user: String?, password: String?)
  }

  /// An upload under way.
  public struct Upload: Sendable {
    public var repository: String
    public var bytes: [UInt8] = []
  }

  /// The state that tests change.
  public struct State: Sendable {
    public var access = Access.open
    /// Tokens are good for so many requests.
    public var tokenUses = Int.max
    public var contents: [Digest: [UInt8]] = [:]
    /// Digests by repository.
    public var blobs: [String: Set<Digest>] = [:]
    /// By `repository:tag` and `repository@digest`.
    public var manifests: [String: [UInt8]] = [:]
    /// Sent instead of a manifest's own digest.
    public var announcedDigest: String?
    public var uploads: [String: Upload] = [:]
    public var faults: [RegistryFault] = []
    /// Where blobs are redirected to instead of being sent.
    public var redirect: String?
    /// Pieces of uploads are not taken.
    public var refusesPieces = false
    /// A mount begins an upload instead.
    public var refusesMounts = false
    public var records: [HTTPRequest] = []
    /// Bytes of request bodies that came.
    public var receivedByteCount = 0
    var tokens: [String: Int] = [:]
    var count = 0

    mutating func next() -> Int {
      count += 1
      return count
    }
  }

  public let state = Mutex(State())
  private let server = Mutex<HTTPServer?>(nil)
  /// `127.0.0.1:PORT`.
  public let host: String

  public init() throws {
    let made = Mutex<LoopbackRegistry?>(nil)
    let server = try HTTPServer(
      bodyLimit: { request in made.withLock { $0 }?.bodyLimit(request) },
      { request, reply in made.withLock { $0 }?.answer(request, reply) ?? false })
    host = "127.0.0.1:\(server.port)"
    self.server.withLock { $0 = server }
    made.withLock { $0 = self }
    server.start()
  }

  public func stop() { server.withLock { $0 }?.stop() }

  /// Requests whose method and path contain these.
  public func records(_ method: String, _ path: String = "") -> [HTTPRequest] {
    state.withLock { $0.records.filter { $0.method == method && $0.target.contains(path) } }
  }

  /// Puts a blob into a repository.
  @discardableResult
  public func add(_ bytes: [UInt8], to repository: String) -> Digest {
    let digest = Digest.of(bytes)
    state.withLock { state in
      state.contents[digest] = bytes
      state.blobs[repository, default: []].insert(digest)
    }
    return digest
  }

  /// Takes a fault that is due.
  func fault(_ place: RegistryFault.Place) -> RegistryFault.Action? {
    state.withLock { state in
      guard let index = state.faults.firstIndex(where: { $0.place == place && $0.times != 0 }) else { return nil }
      state.faults[index].times = state.faults[index].times.map { $0 - 1 }
      return state.faults[index].action
    }
  }

  static func place(_ request: HTTPRequest) -> RegistryFault.Place? {
    if request.path == "/token" { return .token }
    if request.path.contains("/blobs/uploads/") {
      switch request.method {
      case "POST": return .uploadStart
      case "PATCH": return .patch
      case "PUT": return .put
      default: return .uploadStatus
      }
    }
    if request.path.contains("/blobs/") { return .blob }
    return request.path.contains("/manifests/") ? .manifest : nil
  }

  /// Faults of bodies are looked at before they are read; they strike in `answer` then.
  private func bodyLimit(_ request: HTTPRequest) -> Int? {
    guard let place = Self.place(request) else { return nil }
    return state.withLock { state in
      for fault in state.faults where fault.place == place && fault.times != 0 {
        switch fault.action {
        case .cutBody(let count), .cutAndForget(let count): return count
        default: return nil
        }
      }
      return nil
    }
  }

  private func answer(_ request: HTTPRequest, _ reply: HTTPReply) -> Bool {
    state.withLock { state in
      var record = request
      record.body = []
      state.records.append(record)
      state.receivedByteCount += request.body.count
    }
    guard let place = Self.place(request) else {
      reply.json(["errors": [["code": "UNSUPPORTED", "message": "no such endpoint"]]], status: 404)
      return true
    }
    if place == .token { return token(request, reply) }
    guard isAllowed(request) else {
      challenge(request, reply)
      return true
    }
    let fault = fault(place)
    if case .status(let status, let body) = fault {
      reply.answer(status, [("Content-Type", "application/json")], body: Array(body.utf8))
      return true
    }
    return RegistryAnswer(registry: self, request: request, reply: reply, fault: fault).send(place)
  }

  // MARK: Access

  private func isAllowed(_ request: HTTPRequest) -> Bool {
    let sent = request.headers["authorization"]
    return state.withLock { state in
      switch state.access {
      case .open: return true
      case .basic(let user, let password): return sent == Self.basic(user, password)
      case .token:
        guard let sent, sent.hasPrefix("Bearer "), let uses = state.tokens[String(sent.dropFirst(7))], uses > 0 else {
          return false
        }
        state.tokens[String(sent.dropFirst(7))] = uses - 1
        return true
      }
    }
  }

  private func challenge(_ request: HTTPRequest, _ reply: HTTPReply) {
    let isBasic = if case .basic = state.withLock({ $0.access }) { true } else { false }
    let text = isBasic ? "Basic realm=\"loopback\"" : "Bearer realm=\"http://\(host)/token\",service=\"loop, back\""
    reply.refuse(401, "UNAUTHORIZED", request, [("WWW-Authenticate", text)])
  }

  private func token(_ request: HTTPRequest, _ reply: HTTPReply) -> Bool {
    if case .status(let status, let body) = fault(.token) {
      reply.answer(status, body: Array(body.utf8))
      return true
    }
    let given = request.headers["authorization"]
    let token = state.withLock { state -> String? in
      if case .token(let user?, let password?) = state.access {
        let form = String(decoding: request.body, as: UTF8.self)
        guard given == Self.basic(user, password) || form.contains("refresh_token=\(password)") else { return nil }
      }
      let token = "token-\(state.next())"
      state.tokens[token] = state.tokenUses
      return token
    }
    if let token {
      reply.json(["token": .string(token), "expires_in": 300])
    } else {
      reply.json(["errors": [["code": "UNAUTHORIZED", "message": "wrong password"]]], status: 401)
    }
    return true
  }

  static func basic(_ user: String, _ password: String) -> String {
    "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"
  }
}
