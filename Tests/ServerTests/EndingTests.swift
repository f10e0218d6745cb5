// SPDX-License-Identifier: Apache-2.0
// The beginning and the end of a server: bad settings, a taken port, answers under way at the signal.

import Basics
import Inference
import Logging
import Server
import Testing

@Suite("Beginning and ending")
struct EndingTests {
  /// A stream that takes a while; its chunks and whether it came to its `[DONE]`.
  private static func stream(_ client: Client, choices: Int) async throws -> (chunks: Int, isWhole: Bool) {
    let body = Client.chat("Hi", ["stream": true, "max_tokens": .null, "n": JSONValue(choices)])
    let request = client.request("POST", "/v1/chat/completions", body: JSONWriter.bytes(body))
    let port = client.port
    return try await blocking {
      let socket = try Socket(port: port)
      try socket.send(request)
      var reader = ReplyReader(socket)
      _ = try reader.head()
      var chunks = 0
      var last: [UInt8] = []
      do {
        while let chunk = try reader.chunk() {
          chunks += 1
          last = chunk
        }
      } catch ClientProblem.ended {}
      return (chunks, String(decoding: last, as: UTF8.self).hasSuffix("data: [DONE]\n\n"))
    }
  }

  private static func slow(_ configuration: inout ServerConfiguration) { configuration.sessionOptions.running = 1 }

  @Test("lets answers under way finish and takes no new work")
  func drains() async throws {
    try await withServer(FixtureModels(), Self.slow) { client in
      async let answer = Self.stream(client, choices: 4)
      try await client.untilBusy()
      await client.serving.shutDown()
      try await eventually {
        do {
          return try await client.get("/health").status != 200
        } catch { return true }
      }
      let heard = try await answer
      #expect(heard.isWhole)
      #expect(heard.chunks > 1000)
    }
  }

  @Test("cuts off what takes longer than the drain time, and does not pretend it was whole")
  func drainTime() async throws {
    try await withServer(FixtureModels()) {
      Self.slow(&$0)
      $0.drainTime = .milliseconds(300)
    } _: { client in
      async let answer = Self.stream(client, choices: 16)
      try await client.untilBusy()
      let begin = ContinuousClock.now
      await client.serving.shutDown()
      let heard = try await answer
      #expect(!heard.isWhole)
      #expect(ContinuousClock.now - begin < .seconds(10))
    }
  }

  @Test("says so when the port is taken")
  func takenPort() async throws {
    try await withServer { client in
      var configuration = ServerConfiguration()
      configuration.port = client.port
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let problem = await #expect(throws: ServerProblem.self) {
        try await serve(configuration, source: FixtureModels(), logger: logger)
      }
      guard case .cannotListen(let host, let port, _) = problem else {
        Issue.record("another problem")
        return
      }
      #expect(host == "127.0.0.1" && port == client.port)
      #expect(problem?.status == .locked)
    }
  }

  @Test("refuses settings no server can have")
  func settings() async throws {
    func problem(_ set: (inout ServerConfiguration) -> Void) -> ServerProblem? {
      var configuration = ServerConfiguration()
      set(&configuration)
      do throws(ServerProblem) {
        try configuration.validate()
        return nil
      } catch { return error }
    }
    #expect(problem { _ in } == nil)
    for wrong in [
      problem { $0.port = 65536 }, problem { $0.port = -1 }, problem { $0.maximumModels = 0 },
      problem { $0.bodyLimit = 0 }, problem { $0.connectionLimit = 0 }, problem { $0.apiKeys = ["a", ""] },
    ] {
      #expect(wrong?.status == .usage)
      #expect(wrong?.code == "server.invalid-setting")
    }
  }
}
