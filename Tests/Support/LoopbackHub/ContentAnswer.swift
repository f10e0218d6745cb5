// SPDX-License-Identifier: Apache-2.0
// Sends a content as a web server would, or wrongly where a fault is ordered.

internal import Glibc

struct ContentAnswer {
  private var content: [UInt8]
  private let request: HTTPRequest
  private let reply: HTTPReply
  private let fault: Fault.Action?
  private let held: HeldAnswers

  init(
    _ content: [UInt8], _ request: HTTPRequest, _ reply: HTTPReply, _ fault: Fault.Action?,
    held: HeldAnswers = HeldAnswers()
  ) {
    self.held = held
    self.content = content
    self.request = request
    self.reply = reply
    self.fault = fault
  }

  /// Sends the content; false closes the connection.
  func send() -> Bool {
    if let goesOn = sendRefusal() { return goesOn }
    var content = content
    if case .flip(let place) = fault, place < content.count { content[place] ^= 1 }
    var range = request.range(of: content.count)
    if case .ignoreRange = fault { range = nil }
    if case .chunked = fault { return sendChunked(content) }
    if request.headers["range"] != nil, range == nil, fault == nil {
      reply.answer(416, [("Content-Range", "bytes */\(content.count)")])
      return true
    }
    let bytes = content[range ?? 0..<content.count]
    var headers = [("Content-Length", "\(bytes.count)"), ("Content-Type", "binary/octet-stream"), ("ETag", "\"cdn\"")]
    if let range {
      var first = range.lowerBound
      if case .wrongContentRange = fault { first += 1 }
      headers.append(("Content-Range", "bytes \(first)-\(range.upperBound - 1)/\(content.count)"))
    }
    reply.head(range == nil ? 200 : 206, headers)
    return request.method == "HEAD" || sendBody(bytes)
  }

  private func sendBody(_ bytes: ArraySlice<UInt8>) -> Bool {
    switch fault {
    case .cut(let count, let isReset):
      reply.body(bytes.prefix(count))
      if isReset { reply.reset() }
      return false
    case .hold(let count, let cuts):
      guard bytes.count > count else { return reply.body(bytes) }
      guard reply.body(bytes.prefix(count)), held.hold(reply), !cuts else { return false }
      return reply.body(bytes.dropFirst(count))
    case .throttle(let bytesPerSecond):
      var rest = bytes
      while !rest.isEmpty {
        guard reply.body(rest.prefix(max(1, bytesPerSecond / 50))) else { return false }
        rest = rest.dropFirst(max(1, bytesPerSecond / 50))
        usleep(20_000)
      }
      return true
    default:
      return reply.body(bytes)
    }
  }

  private func sendChunked(_ content: [UInt8]) -> Bool {
    reply.head(200, [("Transfer-Encoding", "chunked"), ("Content-Type", "binary/octet-stream")])
    for start in stride(from: 0, to: content.count, by: 10_000) {
      let piece = content[start..<min(start + 10_000, content.count)]
      guard reply.raw(Array("\(String(piece.count, radix: 16))\r\n".utf8)), reply.body(piece), reply.raw([13, 10])
      else {
        return false
      }
    }
    return reply.raw(Array("0\r\n\r\n".utf8))
  }

  /// Faults that take the place of any content; nil when the fault is another one.
  func sendRefusal() -> Bool? {
    switch fault {
    case .status(let status, let headers, let body):
      reply.answer(status, headers, body: Array(body.utf8))
      return true
    case .loop:
      reply.answer(302, [("Location", request.target)])
      return true
    case .webPage:
      reply.answer(200, [("Content-Type", "text/html; charset=utf-8")], body: Array("<html>Sign in</html>".utf8))
      return true
    case .hugeHeaders:
      reply.raw(Array("HTTP/1.1 200 OK\r\n".utf8))
      let line = Array("X-Filler: \(String(repeating: "f", count: 1000))\r\n".utf8)
      for _ in 0..<100_000 where !reply.raw(line) { break }
      return false
    case .slowHead(let letters):
      reply.raw(Array("HTTP/1.1 200 OK\r\nX-Slow: ".utf8))
      for _ in 0..<letters {
        guard reply.raw([UInt8(ascii: "s")]) else { return false }
        usleep(1000)
      }
      return false
    default: return nil
    }
  }
}
