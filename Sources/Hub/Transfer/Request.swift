// SPDX-License-Identifier: Apache-2.0
// What is asked of a server and what it answers, free of libcurl's types.

/// One header line.
public struct Header: Sendable, Equatable {
  /// The name; answers have it in lower case.
  public let name: String
  /// The value without surrounding blanks.
  public let value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// The patience of one request.
public struct Patience: Sendable, Equatable {
  /// The longest time until a connection stands.
  public var connect: Duration
  /// The longest time a connection may bring less than `slowBytesPerSecond`.
  public var stall: Duration
  /// The longest time for a whole request that moves no bytes to speak of.
  public var deadline: Duration
  /// Below this a connection counts as stalled: a trickle is no progress.
  public var slowBytesPerSecond = 256
  /// A file's bytes at this speed come on top of the deadline.
  public var leastBytesPerSecond = 16 << 10

  public init(connect: Duration = .seconds(10), stall: Duration = .seconds(10), deadline: Duration = .seconds(120)) {
    self.connect = connect
    self.stall = stall
    self.deadline = deadline
  }

  /// The longest time for a request that moves so many bytes.
  /// - Parameter limit: bytes a second that all transfers together may take.
  package func time(for byteCount: Int, limit: Int?) -> Duration {
    // Of a limited rate a connection may get little.
    let speed = max(1, min(leastBytesPerSecond, (limit ?? .max) / 128))
    return deadline + .seconds(byteCount / speed)
  }
}

/// A request to exactly one address: redirects are answers here, never followed.
public struct Request: Sendable {
  /// What is to be done there.
  public enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
  }

  /// GET unless told otherwise.
  public var method = Method.get
  /// What is sent with POST, PUT and PATCH; nil sends an empty body.
  package var upload: UploadBody?
  /// Where it goes.
  public var address: WebAddress
  /// Headers beside those that libcurl sends by itself.
  public var headers: [Header]
  /// How long it may take.
  public var patience: Patience
  /// Bytes of a file that are to come.
  package var expectedByteCount = 0
  /// The largest body kept in memory.
  public var bodyLimit: Int
  /// The largest sum of header bytes in the answer.
  public var headerLimit = 64 << 10
  /// Whether the answer may come compressed; off for file bytes.
  public var acceptsCompression = false

  public init(
    _ address: WebAddress, headers: [Header] = [], patience: Patience = Patience(), bodyLimit: Int = 1 << 20
  ) {
    self.address = address
    self.headers = headers
    self.patience = patience
    self.bodyLimit = bodyLimit
  }
}

/// Status line and headers of an answer.
public struct ResponseHead: Sendable, Equatable {
  /// The HTTP status; 0 while there is none.
  public var status = 0
  /// Headers in the order they came, names in lower case.
  public var headers: [Header] = []

  public init() {}

  /// The value of the first header with that lower-case name.
  public func value(_ name: String) -> String? { headers.first { $0.name == name }?.value }

  /// All values of a header that may come several times.
  public func values(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

  /// `Content-Length` as a number.
  public var contentLength: Int? { value("content-length").flatMap { Int($0) } }

  /// The three numbers of `Content-Range: bytes FIRST-LAST/TOTAL`; the total is nil for `*`.
  public var contentRange: (first: Int, last: Int, total: Int?)? {
    guard let text = value("content-range"), text.hasPrefix("bytes ") else { return nil }
    let halves = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    guard halves.count == 2 else { return nil }
    let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]) else { return nil }
    if halves[1] == "*" { return (first, last, nil) }
    guard let total = Int(halves[1]) else { return nil }
    return (first, last, total)
  }

  /// Whether the body says it is a web page.
  public var isHTML: Bool { value("content-type")?.lowercased().hasPrefix("text/html") ?? false }

  /// Takes one raw header line; a status line starts the head anew (1xx answers come before).
  mutating func take(line: String) {
    if line.hasPrefix("HTTP/") {
      self = ResponseHead()
      let words = line.split(separator: " ")
      status = words.count > 1 ? Int(words[1]) ?? 0 : 0
      return
    }
    guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return }
    let name = line[..<colon].lowercased()
    let value = line[line.utf8.index(after: colon)...]
    headers.append(Header(name, value.trimmingBlanks))
  }
}

/// An answer that ended properly, or whose sink had enough.
public struct Response: Sendable {
  /// Status and headers.
  public let head: ResponseHead
  /// The body where no sink took it; of refused bodies only the beginning.
  public let body: [UInt8]
}

extension StringProtocol {
  /// Without blanks, tabs and line ends around it.
  var trimmingBlanks: String {
    let isBlank = { (character: Character) in character == " " || character == "\t" || character.isNewline }
    guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
      return ""
    }
    return String(self[first...last])
  }
}

/// Takes a body as it arrives, on the transfer thread.
package protocol BodySink: AnyObject, Sendable {
  /// Called once with the final head: true to take the body, false to leave its beginning to the
  /// answer (an error page).
  func accepts(_ head: ResponseHead) -> Bool
  /// Takes bytes. Must not block for long: all transfers share the thread.
  func receive(_ bytes: UnsafeRawBufferPointer) -> SinkAnswer
}

/// What a sink says to bytes.
package enum SinkAnswer: Sendable {
  /// Taken; more may come.
  case taken
  /// Not taken: no room now, offer them again later.
  case full
  /// Taken as far as wanted: end the transfer, it is no error.
  case enough
}
