// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 from the reader's side: heads, bodies, chunks, events.

import Basics

/// An answer.
struct Reply: Sendable {
  var status: Int
  /// Names in lower case.
  var headers: [String: String]
  var body: [UInt8] = []

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as JSON, which it must say it is.
  var json: JSONValue {
    get throws {
      guard headers["content-type"] == "application/json" else {
        throw ClientProblem.malformed("content type \(headers["content-type"] ?? "none"): \(text.prefix(200))")
      }
      return try JSONReader.parse(body)
    }
  }

  /// The objects of a stream of events.
  /// - Throws: unless the stream is well formed to its `[DONE]`.
  var events: [JSONValue] {
    get throws {
      guard headers["content-type"] == "text/event-stream; charset=utf-8" else {
        throw ClientProblem.malformed("no stream: \(status) \(text.prefix(200))")
      }
      var parts = text.components(separatedBy: "\n\n")
      guard parts.popLast() == "", parts.popLast() == "data: [DONE]" else { throw ClientProblem.ended }
      return try parts.map { part in
        guard part.hasPrefix("data: {") else { throw ClientProblem.malformed(part) }
        return try JSONReader.parse(Array(part.utf8.dropFirst(6)))
      }
    }
  }

  /// The reply to a request, on a connection of its own.
  static func asking(port: Int, _ request: [UInt8], hasBody: Bool) async throws -> Reply {
    try await blocking {
      let socket = try Socket(port: port)
      try socket.send(request)
      var reader = ReplyReader(socket)
      return try reader.reply(hasBody: hasBody)
    }
  }
}

/// Reads answers from a connection, one after the other.
struct ReplyReader {
  private let socket: Socket
  private var buffer: [UInt8] = []

  init(_ socket: Socket) { self.socket = socket }

  /// The next answer.
  /// - Parameter hasBody: false for answers to HEAD.
  mutating func reply(hasBody: Bool = true) throws -> Reply {
    var reply = try head()
    guard hasBody && reply.status != 204 && reply.status != 304 else { return reply }
    if reply.headers["transfer-encoding"] == "chunked" {
      while let chunk = try chunk() { reply.body += chunk }
    } else {
      guard let count = reply.headers["content-length"].flatMap({ Int($0) }) else {
        throw ClientProblem.malformed("an answer without length")
      }
      reply.body = try bytes(count)
    }
    return reply
  }

  /// Status line and headers.
  mutating func head() throws -> Reply {
    let words = try line().split(separator: " ")
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
      throw ClientProblem.malformed(words.joined(separator: " "))
    }
    var headers: [String: String] = [:]
    while true {
      let line = try line()
      if line.isEmpty { return Reply(status: status, headers: headers) }
      guard let colon = line.firstIndex(of: ":") else { throw ClientProblem.malformed(line) }
      headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
  }

  /// A chunk of a body; nil at its end.
  mutating func chunk() throws -> [UInt8]? {
    let line = try line()
    guard let count = Int(line, radix: 16) else { throw ClientProblem.malformed("chunk size \(line)") }
    let bytes = try bytes(count)
    _ = try self.line()
    return count == 0 ? nil : bytes
  }

  private mutating func line() throws -> String {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let line = buffer[..<end].last == UInt8(ascii: "\r") ? buffer[..<(end - 1)] : buffer[..<end]
        defer { buffer.removeFirst(end + 1) }
        return String(decoding: line, as: UTF8.self)
      }
      try fill()
    }
  }

  private mutating func bytes(_ count: Int) throws -> [UInt8] {
    while buffer.count < count { try fill() }
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  private mutating func fill() throws {
    let bytes = try socket.receive()
    guard !bytes.isEmpty else { throw ClientProblem.ended }
    buffer += bytes
  }
}

extension String {
  /// The parts between a separator.
  func components(separatedBy separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
