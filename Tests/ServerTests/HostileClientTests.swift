// SPDX-License-Identifier: Apache-2.0
// Clients that mean no good: slow, large, malformed, many. The server stays, and so do the others' answers.

import Basics
import Glibc
import Server
import Support
import Testing

@Suite("Hostile clients")
struct HostileClientTests {
  /// Sends bytes as they are and reads to the end.
  static func raw(_ client: Client, _ bytes: [UInt8]) async throws -> String {
    let port = client.port
    return try await blocking {
      let socket = try Socket(port: port)
      // The other side may end before it has read all.
      try? socket.send(bytes)
      return String(decoding: try socket.receiveAll(), as: UTF8.self)
    }
  }

  /// Sends a text and then letters, one by one, until the other side ends.
  /// - Throws: `WaitedInVain` when it never does.
  static func drip(_ socket: Socket, _ text: String) throws {
    do {
      try socket.send(Array(text.utf8))
      try waitUntil {
        usleep(15_000)
        try socket.send([UInt8(ascii: "a")])
        return false
      }
    } catch ClientProblem.ended {}
  }

  @Test("that send headers letter by letter have a deadline, on fresh connections and used ones")
  func slowHeaders() async throws {
    try await withServer(FixtureModels()) {
      $0.headerTimeout = .milliseconds(400)
      $0.idleTimeout = .milliseconds(800)
    } _: { client in
      let first = client.request("GET", "/health", ["Connection": ""])
      let port = client.port
      // One that says nothing at all is ended too.
      _ = try await blocking { try Socket(port: port).receiveAll() }
      try await blocking { try Self.drip(try Socket(port: port), "GET /health HTTP/1.1\r\nX-Slow: ") }
      try await blocking {
        try waitUntil {
          // On a machine that does much else the first request too may come late.
          let socket = try Socket(port: port)
          try socket.send(first)
          var reader = ReplyReader(socket)
          guard (try? reader.reply().status) == 200 else { return false }
          try Self.drip(socket, "GET /health HTTP/1.1\r\nX-Slow: ")
          return true
        }
      }
      try await eventually { (try? await client.get("/health").status) == 200 }
    }
  }

  @Test("that send bodies letter by letter have one too")
  func slowBody() async throws {
    try await withServer(FixtureModels()) {
      $0.bodyTimeout = .milliseconds(400)
    } _: { client in
      let head = client.request(
        "POST", "/v1/chat/completions",
        [
          "Content-Length": "9000", "Content-Type": "application/json",
        ])
      let port = client.port
      try await blocking {
        let socket = try Socket(port: port)
        try socket.send(head)
        try Self.drip(socket, "[")
      }
      try await eventually { try await client.metric("impetus_connections") == 1 }
    }
  }

  @Test("that announce or send too much are stopped before it is read")
  func largeBodies() async throws {
    try await withServer(FixtureModels()) {
      $0.bodyLimit = 10_000
    } _: { client in
      let type = "Content-Type: application/json\r\n"
      let host = "Host: 127.0.0.1:\(client.port)\r\n"
      let announced = try await Self.raw(
        client, Array("POST /v1/completions HTTP/1.1\r\n\(host)\(type)Content-Length: 8589934592\r\n\r\n{".utf8))
      #expect(announced.hasPrefix("HTTP/1.1 413"))
      #expect(announced.contains("request_too_large"))
      let chunk = "1000\r\n" + String(repeating: " ", count: 4096) + "\r\n"
      let chunked = try await Self.raw(
        client,
        Array(
          ("POST /v1/completions HTTP/1.1\r\n\(host)\(type)Transfer-Encoding: chunked\r\n\r\n"
            + String(repeating: chunk, count: 64)).utf8))
      #expect(chunked.hasPrefix("HTTP/1.1 413"))
      try await eventually { try await client.metric("impetus_connections") == 1 }
    }
  }

  @Test("that send what is no request are answered 400 or cut off, and never wait")
  func malformed() async throws {
    let host = "Host: 127.0.0.1\r\n"
    let cases = [
      "\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET /health HTTP/9.9\r\n\(host)\r\n",
      "GET /health HTTP/1.1\r\n\(host)bad header\r\n\r\n",
      "GET /health HTTP/1.1\r\n\(host)X: \(String(repeating: "a", count: 1 << 20))\r\n\r\n",
      "GET /health HTTP/1.1\r\n\(host)\((0..<5000).map { "X\($0): a\r\n" }.joined())\r\n",
      "GET /\(String(repeating: "a", count: 1 << 20)) HTTP/1.1\r\n\(host)\r\n",
      "POST /v1/completions HTTP/1.1\r\n\(host)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /v1/completions HTTP/1.1\r\n\(host)Content-Length: -5\r\n\r\n",
      "POST /v1/completions HTTP/1.1\r\n\(host)Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
      "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}",
    ]
    try await withServer(FixtureModels()) {
      $0.headerTimeout = .seconds(2)
    } _: { client in
      for text in cases {
        let answer = try await Self.raw(client, Array(text.utf8))
        #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400"), "\(text.prefix(60)): \(answer.prefix(60))")
      }
      try await eventually { (try? await client.chat().status) == 200 }
      try await eventually { try await client.metric("impetus_connections") == 1 }
    }
  }

  @Test("that send several requests at once are answered in their order")
  func pipelining() async throws {
    try await withServer { client in
      let body = JSONWriter.bytes(Client.chat())
      let streamed = JSONWriter.bytes(Client.chat("Say something.", ["stream": true]))
      let keep = ["Connection": ""]
      let bytes =
        client.request("GET", "/health", keep) + client.request("POST", "/v1/chat/completions", keep, body: body)
        + client.request("GET", "/nothing", keep)
        + client.request("POST", "/v1/chat/completions", keep, body: streamed)
        + client.request("GET", "/v1/models", keep)
      let port = client.port
      let replies = try await blocking {
        let socket = try Socket(port: port)
        try socket.send(bytes)
        var reader = ReplyReader(socket)
        return try (0..<5).map { _ in try reader.reply() }
      }
      #expect(replies.map(\.status) == [200, 200, 404, 200, 200])
      #expect(try replies[0].json["status"] == "ok")
      let text = try replies[3].events.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.stringValue }.joined()
      #expect(try replies[1].json.message() == text)
      #expect(try replies[4].json["object"] == "list")
    }
  }

  @Test("that take all connections lose them at the deadline, and others come in")
  func manyConnections() async throws {
    try await withServer(FixtureModels()) {
      $0.connectionLimit = 8
      $0.headerTimeout = .milliseconds(700)
    } _: { client in
      let sockets = try (0..<20).map { _ in try Socket(port: client.port) }
      for socket in sockets { try? socket.send("GET /health HTTP/1.1\r\n") }
      try await eventually { (try? await client.get("/health").status) == 200 }
      withExtendedLifetime(sockets) {}
    }
  }
}
