// SPDX-License-Identifier: Apache-2.0
// Clients that go away: what they asked for ends, also in the queue, and others are answered.

import Basics
import Inference
import Server
import Support
import Testing

@Suite("Disconnects")
struct DisconnectTests {
  /// Far more work than can be done before it is cancelled.
  static let work: JSONObject = ["max_tokens": .null, "n": 4]

  /// A server whose engine runs one answer at a time, and a check that work was cut short.
  func withSlowServer(_ leave: (Client) async throws -> Void) async throws {
    try await withServer(try FixtureModels.unending(["llama"])) {
      $0.sessionOptions.running = 1
    } _: { client in
      try await leave(client)
      try await client.untilIdle()
      #expect(try await client.metric("impetus_answers_total{model=\"tiny/llama\",reason=\"cancelled\"}") ?? 0 > 0)
      let generated = try await client.metric("impetus_generated_tokens_total{model=\"tiny/llama\"}") ?? 0
      #expect(generated < Double(FixtureModels.unendingContext))
      #expect(try await client.chat().status == 200)
      try await eventually { try await client.metric("impetus_connections") == 1 }
    }
  }

  /// Sends a request, waits for it to run, and hands over its connection.
  static func begin(_ client: Client, _ fields: JSONObject) async throws -> Socket {
    let body = Client.chat("Hi", work.merging(fields))
    let request = client.request("POST", "/v1/chat/completions", body: JSONWriter.bytes(body))
    let socket = try Socket(port: client.port)
    try socket.send(request)
    try await client.untilBusy()
    return socket
  }

  @Test("end a stream")
  func stream() async throws {
    try await withSlowServer { client in
      let socket = try await Self.begin(client, ["stream": true])
      var reader = ReplyReader(socket)
      #expect(try reader.head().status == 200)
      _ = try reader.chunk()
    }
  }

  @Test("end an answer that was to come whole")
  func whole() async throws {
    try await withSlowServer { client in _ = try await Self.begin(client, [:]) }
  }

  @Test("end an answer whose client closed its side only, soon after", arguments: [true, false])
  func half(streams: Bool) async throws {
    try await withSlowServer { client in
      let socket = try await Self.begin(client, ["stream": .bool(streams)])
      socket.endSending()
      // The server ends the connection by itself.
      _ = try await blocking { try socket.receiveAll() }
    }
  }

  @Test("leave time for a short answer to a client that closed its side")
  func shortAnswer() async throws {
    try await withServer(FixtureModels()) {
      $0.partingTime = .seconds(60)  // on a machine that does much else a short answer may take a while
    } _: { client in
      #expect(try await client.chat().status == 200)
      let request = client.request("GET", "/v1/models")
      let port = client.port
      let reply = try await blocking {
        let socket = try Socket(port: port)
        try socket.send(request)
        socket.endSending()
        var reader = ReplyReader(socket)
        return try reader.reply()
      }
      #expect(reply.status == 200)
    }
  }

  @Test("free the queue too")
  func queue() async throws {
    try await withSlowServer { client in
      let running = try await Self.begin(client, ["stream": true])
      for _ in 0..<8 { _ = try await Self.begin(client, [:]) }
      try await eventually { try await client.metric("impetus_requests_waiting") ?? 99 <= 4 }
      _ = running
    }
  }

  @Test("include clients that stay and never read")
  func stalled() async throws {
    try await withServer(try FixtureModels.unending()) {
      $0.stallTimeout = .seconds(3)
    } _: { client in
      let fields = Self.work.merging(["stream": true, "logprobs": true, "top_logprobs": 20])
      let request = client.request("POST", "/v1/chat/completions", body: JSONWriter.bytes(Client.chat("Hi", fields)))
      let socket = try Socket(port: client.port, window: 4096)
      try socket.send(request)
      try await client.untilBusy()
      // On a busy machine it may have been cut off by now.
      try await eventually { try await client.metric("impetus_connections") == 1 }
      try await client.untilIdle()
    }
  }
}
