// SPDX-License-Identifier: Apache-2.0
// Who may use the server: keys, the names it answers to, the web pages it lets in.

import Basics
import Server
import Testing

@Suite("Access")
struct AccessTests {
  @Test("needs one of the keys everywhere but at /health")
  func keys() async throws {
    try await withServer(FixtureModels()) {
      $0.apiKeys = ["first key", "second"]
    } _: { client in
      for path in ["/v1/models", "/metrics", "/ready", "/nothing", "/v1/models/llama"] {
        let reply = try await client.get(path)
        #expect(reply.status == 401, "\(path)")
        #expect(reply.headers["www-authenticate"] == "Bearer")
        #expect(try reply.json["error"]?["code"] == "missing_api_key")
      }
      #expect(try await client.chat().status == 401)
      #expect(try await client.get("/health").status == 200)
      for value in ["Bearer wrong", "Bearer secon", "Bearer second!", "Bearer ", "Basic second", "second"] {
        let reply = try await client.get("/v1/models", ["Authorization": value])
        #expect(reply.status == 401, "\(value)")
      }
      #expect(try await client.get("/v1/models", ["Authorization": "Bearer second"]).status == 200)
      #expect(try await client.get("/v1/models", ["Authorization": "bearer  first key"]).status == 200)
      #expect(try await client.get("/v1/models", ["X-Api-Key": "second"]).status == 200)
      #expect(try await client.get("/v1/models", ["X-Api-Key": "nonsense"]).status == 401)
    }
  }

  @Test("on this machine is only under this machine's names")
  func hosts() async throws {
    try await withServer { client in
      for host in ["localhost", "localhost:1", "LOCALHOST", "127.0.0.1", "127.8.9.1:80", "[::1]:80", "my.localhost"] {
        #expect(try await client.get("/health", ["Host": host]).status == 200, "\(host)")
      }
      for host in ["example.org", "127.0.0.1.example.org", "localhost.example.org", "192.168.0.1", "127.0.0"] {
        let reply = try await client.get("/health", ["Host": host])
        #expect(reply.status == 403, "\(host)")
        #expect(try reply.json["error"]?["code"] == "host_not_allowed")
      }
    }
    try await withServer(FixtureModels()) {
      $0.allowedHosts = ["models.example.org"]
    } _: { client async throws in
      #expect(try await client.get("/health", ["Host": "models.example.org:80"]).status == 200)
      #expect(try await client.get("/health", ["Host": "example.org"]).status == 403)
    }
  }

  @Test("from web pages is for those of this machine and those allowed")
  func origins() async throws {
    try await withServer(FixtureModels()) {
      $0.allowedOrigins = ["https://good.example"]
    } _: { client in
      for origin in ["http://localhost:3000", "http://127.0.0.1:5173", "https://good.example"] {
        let reply = try await client.get("/v1/models", ["Origin": origin])
        #expect(reply.status == 200)
        #expect(reply.headers["access-control-allow-origin"] == origin)
        #expect(reply.headers["vary"] == "Origin")
        #expect(reply.headers["access-control-allow-credentials"] == nil)
      }
      for origin in ["https://evil.example", "null", "http://localhost.evil.example", "https://good.example.evil"] {
        let reply = try await client.get("/v1/models", ["Origin": origin])
        #expect(reply.status == 403, "\(origin)")
        #expect(reply.headers["access-control-allow-origin"] == nil)
        #expect(try reply.json["error"]?["code"] == "origin_not_allowed")
      }
      // A page can read why it was refused.
      let refused = try await client.get("/nothing", ["Origin": "http://localhost"])
      #expect(refused.status == 404)
      #expect(refused.headers["access-control-allow-origin"] == "http://localhost")
      #expect(try await client.get("/v1/models").headers["access-control-allow-origin"] == nil)
    }
  }

  @Test("is granted to browsers that ask before they send, key or not")
  func preflight() async throws {
    try await withServer(FixtureModels()) {
      $0.apiKeys = ["key"]
    } _: { client in
      let ask = [
        "Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
      ]
      let reply = try await client.send("OPTIONS", "/v1/chat/completions", ask)
      #expect(reply.status == 204)
      #expect(reply.headers["access-control-allow-origin"] == "http://localhost:3000")
      #expect(reply.headers["access-control-allow-methods"] == "POST")
      #expect(reply.headers["access-control-allow-headers"] == "authorization, content-type")
      var foreign = ask
      foreign["Origin"] = "https://evil.example"
      #expect(try await client.send("OPTIONS", "/v1/chat/completions", foreign).status == 403)
    }
  }
}
