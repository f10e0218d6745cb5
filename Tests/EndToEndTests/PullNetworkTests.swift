// SPDX-License-Identifier: Apache-2.0
// How the hub is reached: private authorities, proxies, mirrors, as options and as variables.

import Basics
import Glibc
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct PullNetworkTests {
  private static let commit = String(repeating: "c0ffee42", count: 5)

  private static func answer(_ body: String, _ headers: String = "") -> String {
    "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
  }

  /// A model of one small file, each answer whole.
  private static func answers(resolve: String? = nil) -> [String: String] {
    let text = "{\"a\": 1}"
    let row = "[{\"type\":\"file\",\"path\":\"notes.json\",\"size\":8,\"oid\":\"\(SHA1.gitBlob(Array(text.utf8)))\"}]"
    return [
      "/api/models/org/model/revision/main": answer("{\"id\":\"org/model\",\"sha\":\"\(commit)\"}"),
      "/api/models/org/model/tree/\(commit)?recursive=true&expand=false": answer(row),
      "/org/model/resolve/\(commit)/notes.json": resolve ?? answer(text),
    ]
  }

  /// Ends a server, and leaves nothing of it: whoever waits for any child would find it for ever.
  private static func end(_ process: pid_t) {
    kill(process, SIGKILL)
    Support.Program.ended(process)
  }

  private func pull(_ endpoint: String, _ options: [String] = [], _ environment: [String: String] = [:]) throws
    -> Support.Program.Run
  {
    let folder = try TemporaryFolder("impetus-net")
    let variables = ["IMPETUS_HOME": "\(folder.path)/store", "HOME": folder.path].merging(environment) { $1 }
    return try Support.Program.run(
      ["pull", "org/model", "--endpoint", endpoint, "--json"] + options, environment: variables)
  }

  @Test("a private authority is trusted when it is named, by option or variable, and never otherwise") func trust()
    async throws
  {
    try await onThread {
      let authority = try PrivateAuthority()
      let (port, process) = try authority.serve(Self.answers())
      defer { Self.end(process) }
      let endpoint = "https://127.0.0.1:\(port)"
      let named = try pull(endpoint, ["--ca-file", authority.certificate])
      #expect(named.status == 0, "\(named.errors)")
      for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        #expect(try pull(endpoint, [], [name: authority.certificate]).status == 0, "\(name)")
      }
      let unknown = try pull(endpoint)
      #expect(unknown.status == 5 && unknown.errors.contains("hub.untrusted"), "\(unknown.errors)")
      #expect(unknown.errors.contains("127.0.0.1"))
      // The certificate is for the address and for no name.
      let misnamed = try pull("https://localhost:\(port)", ["--ca-file", authority.certificate])
      #expect(misnamed.status == 5 && misnamed.errors.contains("hub.untrusted"), "\(misnamed.errors)")
      let absent = try pull(endpoint, ["--ca-file", "/nonexistent.pem"])
      #expect(absent.status == 64 && absent.errors.contains("hub.invalid-setting"))
    }
  }

  @Test("a redirect from https to http is refused") func downgrade() async throws {
    try await onThread {
      let hub = try LoopbackHub([LoopbackFile("notes.json", "{\"a\": 1}")])
      defer { hub.stop() }
      let authority = try PrivateAuthority()
      let location = "HTTP/1.0 302 Found\r\nLocation: \(hub.endpoint)/x\r\nContent-Length: 0\r\n\r\n"
      let (port, process) = try authority.serve(Self.answers(resolve: location))
      defer { Self.end(process) }
      let run = try pull("https://127.0.0.1:\(port)", ["--ca-file", authority.certificate])
      #expect(run.status == 5 && run.errors.contains("hub.redirect"), "\(run.errors)")
      #expect(hub.records.isEmpty)
    }
  }

  @Test("a proxy by option goes before those of the environment, and excepted hosts go without") func proxy()
    async throws
  {
    try await onThread {
      let hub = try LoopbackHub([LoopbackFile("config.json", "{}")])
      let asked = Mutex<[String]>([])
      let proxy = try HTTPServer { request, reply in
        asked.withLock { $0.append(request.target) }
        reply.answer(403, body: Array("not through here".utf8))
        return true
      }
      proxy.start()
      defer {
        hub.stop()
        proxy.stop()
      }
      let option = ["--proxy", "http://127.0.0.1:\(proxy.port)"]
      let run = try pull(hub.endpoint, option, ["http_proxy": "http://127.0.0.1:1"])
      #expect(run.status == 4 && run.errors.contains("not through here"), "\(run.errors)")
      #expect(asked.withLock { $0 } == ["\(hub.endpoint)/api/models/org/model/revision/main"])
      #expect(try pull(hub.endpoint, option, ["no_proxy": "127.0.0.1"]).status == 0)
      #expect(hub.records.count > 2 && asked.withLock { $0.count } == 1)
    }
  }

  @Test("a second endpoint brings what the first cannot") func mirror() async throws {
    try await onThread {
      let file = LoopbackFile.tiled("model.safetensors", byteCount: 3_000_000)
      let (hub, mirror) = (try LoopbackHub([file]), try LoopbackHub([file]))
      defer {
        hub.stop()
        mirror.stop()
      }
      hub.order(Fault(.cdn, .cut(after: 1_000_000), times: 1), Fault(.cdn, .status(404), times: nil))
      let run = try pull(hub.endpoint, ["--endpoint", mirror.endpoint, "--all"])
      #expect(run.status == 0, "\(run.errors)")
      #expect(mirror.sentByteCount(.cdn) > 0)
      #expect(try pull(hub.endpoint, ["--endpoint", "ftp://mirror"]).status == 64)
    }
  }
}
