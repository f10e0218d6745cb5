// SPDX-License-Identifier: Apache-2.0
// The beginning and the end of a server: bad settings, a taken port, answers under way at the signal.

import Basics
import Logging
import Server
import Support
import Testing

@Suite("Beginning and ending")
struct EndingTests {
  @Test("lets answers under way finish and takes no new work")
  func drains() async throws {
    try await withServer { client in
      let answer = try await client.begin(["max_tokens": .null, "n": 4])
      await client.serving.shutDown()
      try await eventually {
        do {
          return try await client.get("/health").status != 200
        } catch { return true }
      }
      let heard = try await blocking { try answer.rest() }
      #expect(heard.isWhole)
      #expect(heard.chunks > 1000)
    }
  }

  @Test("cuts off what takes longer than the drain time, and does not pretend it was whole")
  func drainTime() async throws {
    try await withServer(try FixtureModels.unending()) {
      $0.drainTime = .milliseconds(300)
    } _: { client in
      let answer = try await client.begin(["max_tokens": .null])
      await client.serving.shutDown()
      let heard = try await blocking { try answer.rest() }
      // An answer without an end of its own: that this is reached is the deadline's doing.
      #expect(!heard.isWhole)
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
