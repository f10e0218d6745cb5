// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server on loopback for tests: plain sockets, a thread for each connection.

public import Basics
internal import Glibc
internal import Synchronization

/// A request as it came.
public struct HTTPRequest: Sendable {
  public let method: String
  /// Path and query, still encoded.
  public let target: String
  /// Names in lower case.
  public let headers: [String: String]
  /// What came with it; a part where the server was told to read no more.
  public internal(set) var body: [UInt8] = []
  /// Whether the body was not read to its end; the connection is closed after the answer.
  public internal(set) var isCut = false

  /// The path without the query.
  public var path: String { String(target.prefix { $0 != "?" }) }
  /// The query, empty when there is none.
  public var query: String { String(target.drop { $0 != "?" }.dropFirst()) }

  /// The value of a query item.
  public func queryValue(_ name: String) -> String? {
    for item in query.split(separator: "&") where item.hasPrefix("\(name)=") {
      return String(item.dropFirst(name.count + 1))
    }
    return nil
  }

  /// The asked range for a content of `count` bytes; nil when none is asked for.
  public func range(of count: Int) -> Range<Int>? {
    guard let text = headers["range"], text.hasPrefix("bytes=") else { return nil }
    let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Int(ends[0]) else { return nil }
    let last = min(Int(ends[1]) ?? count - 1, count - 1)
    return first < count && first <= last ? first..<last + 1 : nil
  }
}

extension HTTPRequest {
  /// Percent-decoded.
  static func decoded(_ text: String) -> String {
    var output: [UInt8] = []
    let bytes = Array(text.utf8)
    var index = 0
    while index < bytes.count {
      let digits = bytes[min(index + 1, bytes.count)..<min(index + 3, bytes.count)]
      if bytes[index] == UInt8(ascii: "%"), let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) {
        output.append(value)
        index += 3
      } else {
        output.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: output, as: UTF8.self)
  }
}

/// The sending side of one connection.
public final class HTTPReply: Sendable {
  private let socket: Int32
  private let sent = Atomic<Int>(0)

  init(_ socket: Int32) { self.socket = socket }

  /// Body bytes sent so far.
  public var sentByteCount: Int { sent.load(ordering: .relaxed) }

  /// Sends a status line and headers.
  public func head(_ status: Int, _ headers: [(String, String)]) {
    var text = "HTTP/1.1 \(status) Status\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    raw(Array((text + "\r\n").utf8))
  }

  /// Sends a whole answer.
  public func answer(_ status: Int, _ headers: [(String, String)] = [], body: [UInt8] = []) {
    head(status, headers + [("Content-Length", "\(body.count)")])
    self.body(body[...])
  }

  /// Sends a whole answer with a JSON body.
  public func json(_ value: JSONValue, status: Int = 200, _ headers: [(String, String)] = []) {
    answer(status, headers + [("Content-Type", "application/json")], body: JSONWriter.bytes(value))
  }

  /// Sends body bytes and counts them; false when the other side is gone.
  @discardableResult
  public func body(_ bytes: ArraySlice<UInt8>) -> Bool {
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 16 << 10) {
      let piece = bytes[start..<min(start + 16 << 10, bytes.endIndex)]
      guard raw(Array(piece)) else { return false }
      sent.add(piece.count, ordering: .relaxed)
    }
    return true
  }

  /// Sends bytes that are no body.
  @discardableResult
  public func raw(_ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(socket, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      done += count
    }
    return true
  }

  /// Waits a moment for the other side to go away (POLLRDHUP, which Glibc does not export).
  /// - Returns: whether it has.
  func isLeft(within milliseconds: Int32) -> Bool {
    var wanted = pollfd(fd: socket, events: 0x2000, revents: 0)
    return poll(&wanted, 1, milliseconds) > 0
  }

  /// Ends the connection by a reset instead of an orderly close.
  public func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }
}

/// Listens on a free port of 127.0.0.1 until it is stopped.
public final class HTTPServer: Sendable {
  /// Answers a request; false closes the connection after it.
  public typealias Handler = @Sendable (HTTPRequest, HTTPReply) -> Bool

  public let port: Int
  private let listener: Int32
  private let handler: Handler
  private let bodyLimit: @Sendable (HTTPRequest) -> Int?
  private struct State {
    /// Connections, and whether each is at work on what it has read.
    var open: [Int32: Bool] = [:]
    var isAccepting = false
    var isStarted = false
    var isStopped = false
  }
  private let state = Mutex(State())

  /// - Parameter bodyLimit: how much of a request's body is read before the connection breaks; nil reads all.
  public init(
    bodyLimit: @escaping @Sendable (HTTPRequest) -> Int? = { _ in nil }, _ handler: @escaping Handler
  ) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    self.handler = handler
    self.bodyLimit = bodyLimit
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        var length = size
        return bind(listener, raw, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, raw, &length) == 0
      }
    }
    guard bound else { throw FileProblem.system(operation: "listen on", path: "127.0.0.1", number: errno) }
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  /// Begins to accept. The server runs until `stop`.
  public func start() {
    state.withLock { $0.isStarted = true }
    spawn { [self] in
      // The thread that accepts is the one that closes: a closed descriptor's number may be another server's at once.
      defer { close(listener) }
      while true {
        Self.awaitInput(listener)
        state.withLock { $0.isAccepting = true }
        let connection = accept(listener, nil, nil)
        let isStopped = state.withLock { state in
          state.isAccepting = false
          if connection >= 0 { state.open[connection] = false }
          return state.isStopped
        }
        if isStopped {
          if connection >= 0 { close(connection) }
          return
        }
        if connection < 0 { continue }
        spawn { [self] in
          serve(connection)
          state.withLock {
            $0.open[connection] = nil
            close(connection)
          }
        }
      }
    }
  }

  /// Whether no request is being answered, or lies unread in a connection. Once the clients are gone it stays so.
  public var isQuiet: Bool {
    state.withLock { state in
      state.isStopped
        || !state.isAccepting && !Self.hasInput(listener)
          && state.open.allSatisfy { !$1 && Self.unreadByteCount($0) == 0 }
    }
  }

  private static func awaitInput(_ socket: Int32, milliseconds: Int32 = -1) {
    var wanted = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    while poll(&wanted, 1, milliseconds) < 0 && errno == EINTR {}
  }

  private static func hasInput(_ socket: Int32) -> Bool {
    var wanted = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return poll(&wanted, 1, 0) > 0
  }

  private static func unreadByteCount(_ socket: Int32) -> Int32 {
    var count: Int32 = 0
    return ioctl(socket, UInt(FIONREAD), &count) == 0 ? count : 0
  }

  /// Ends all connections and accepts no more.
  public func stop() {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.isStopped = true
      shutdown(listener, Int32(SHUT_RDWR))
      if !state.isStarted { close(listener) }
      for connection in state.open.keys { shutdown(connection, Int32(SHUT_RDWR)) }
    }
  }

  private func serve(_ connection: Int32) {
    var buffered: [UInt8] = []
    while let request = next(connection, &buffered) {
      guard handler(request, HTTPReply(connection)), !request.isCut else { return }
    }
  }

  /// Reads the body that follows a head.
  private func takeBody(_ request: inout HTTPRequest, _ connection: Int32, _ buffered: inout [UInt8]) -> Bool {
    let announced = request.headers["content-length"].flatMap { Int($0) } ?? 0
    let wanted = min(announced, bodyLimit(request) ?? announced)
    request.isCut = wanted < announced
    var body = Array(buffered.prefix(wanted))
    buffered.removeFirst(body.count)
    var piece = [UInt8](repeating: 0, count: 256 << 10)
    while body.count < wanted {
      let count = recv(connection, &piece, min(piece.count, wanted - body.count), 0)
      if count <= 0 { return false }
      body += piece[..<count]
    }
    request.body = body
    return true
  }

  private func next(_ connection: Int32, _ buffered: inout [UInt8]) -> HTTPRequest? {
    let end = Array("\r\n\r\n".utf8)
    var piece = [UInt8](repeating: 0, count: 8192)
    while true {
      if let place = buffered.indices.first(where: { buffered[$0...].starts(with: end) }) {
        let text = String(decoding: buffered[..<place], as: UTF8.self)
        buffered.removeFirst(place + 4)
        guard var request = Self.parse(text), takeBody(&request, connection, &buffered) else { return nil }
        return request
      }
      // What came counts as unread until the connection counts as at work.
      state.withLock { $0.open[connection] = false }
      Self.awaitInput(connection)
      state.withLock { $0.open[connection] = true }
      let count = recv(connection, &piece, piece.count, 0)
      if count <= 0 { return nil }
      buffered += piece[..<count]
    }
  }

  private static func parse(_ text: String) -> HTTPRequest? {
    let lines = text.split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count == 3 else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    return HTTPRequest(method: String(words[0]), target: String(words[1]), headers: headers)
  }
}

/// Runs what blocks, such as waiting for a process, on a thread of its own: the tests' few threads are for all of them.
public func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    spawn { continuation.resume(with: Result { try body() }) }
  }
}

private final class Body: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func spawn(_ run: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  let failed = pthread_create(
    &thread, nil,
    { context in
      if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
      return nil
    }, Unmanaged.passRetained(Body(run)).toOpaque())
  if failed == 0 { pthread_detach(thread) }
}
