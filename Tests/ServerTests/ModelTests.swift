// SPDX-License-Identifier: Apache-2.0
// Models by name: listed, loaded when asked for, let go of when others need the room.

import Basics
import Library
import Server
import Support
import Testing

@Suite("Models")
struct ModelTests {
  @Test("are listed, and found one by one by names with slashes")
  func list() async throws {
    try await withServer { client in
      let list = try await client.get("/v1/models").json
      #expect(list["object"] == "list")
      let names = list["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue }
      #expect(names == ["tiny/llama", "tiny/qwen2-tied-mlx-q8-g64", "tiny/smollm2"])
      for path in ["/v1/models/tiny/llama", "/v1/models/tiny%2Fllama", "/v1/models/llama"] {
        let model = try await client.get(path).json
        #expect(model["id"] == "tiny/llama", "\(path)")
        #expect(model["object"] == "model")
        #expect(model["owned_by"] == "tiny")
        #expect(model["created"] == 1_700_000_000)
      }
      let unknown = try await client.get("/v1/models/tiny/none")
      #expect(unknown.status == 404)
      #expect(try unknown.json["error"]?["code"] == "model_not_found")
      #expect(try await client.send("HEAD", "/v1/models").status == 200)
    }
  }

  @Test("are loaded by the first request for them, once however many ask")
  func loads() async throws {
    try await withServer(FixtureModels()) {
      $0.maximumModels = 1
    } _: { client in
      #expect(try await client.get("/v1/models/llama").json["loaded"] == false)
      #expect(try await client.metric("impetus_model_loads_total") == nil)
      let texts = try await withThrowingTaskGroup(of: String?.self) { group in
        for _ in 0..<12 { group.addTask { try await client.chat().json.message() } }
        return try await group.reduce(into: [String?]()) { $0.append($1) }
      }
      #expect(Set(texts).count == 1 && texts[0] != nil)
      #expect(try await client.get("/v1/models/llama").json["loaded"] == true)
      #expect(try await client.metric("impetus_model_loads_total{model=\"tiny/llama\"}") == 1)
    }
  }

  @Test("answer each in its own way, quantized ones too")
  func several() async throws {
    try await withServer { client in
      var texts: Set<String?> = []
      for name in ["llama", "tiny/smollm2", "qwen2-tied-mlx-q8-g64"] {
        let answer = try await client.chat("Hi", ["model": .string(name)]).json
        #expect(answer["model"]?.stringValue?.hasSuffix(name) == true)
        texts.insert(answer.message())
      }
      #expect(texts.count == 3 && !texts.contains(nil))
      #expect(try await client.get("/ready").json["models"]?.arrayValue?.count == 3)
    }
  }

  @Test("make room for others, the one used longest ago first, and come back")
  func eviction() async throws {
    try await withServer(FixtureModels()) {
      $0.maximumModels = 2
    } _: { client in
      for name in ["llama", "smollm2", "llama", "qwen2-tied-mlx-q8-g64"] {
        #expect(try await client.chat("Hi", ["model": .string(name)]).status == 200)
      }
      let models = try await client.get("/ready").json["models"]
      #expect(models == ["tiny/llama", "tiny/qwen2-tied-mlx-q8-g64"])
      #expect(try await client.metric("impetus_model_evictions_total") == 1)
      #expect(try await client.chat("Hi", ["model": "smollm2"]).status == 200)
    }
  }

  @Test("are not let go of while they answer: others are told to come back")
  func busy() async throws {
    try await withServer(try FixtureModels.unending()) {
      $0.maximumModels = 1
    } _: { client in
      let long = try await client.begin(["max_tokens": .null])
      let refused = try await client.chat("Hi", ["model": "smollm2"])
      #expect(refused.status == 503)
      #expect(refused.headers["retry-after"] == "2")
      #expect(try refused.json["error"]?["code"] == "models_busy")
      #expect(try await blocking { try long.goesOn() })
      long.leave()
      try await eventually { try await client.chat("Hi", ["model": "smollm2"]).status == 200 }
    }
  }

  @Test("that are larger than the budget are refused with the figures")
  func tooLarge() async throws {
    try await withServer(FixtureModels()) {
      $0.modelByteBudget = 1000
    } _: { client in
      let reply = try await client.chat()
      #expect(reply.status == 503)
      #expect(try reply.json["error"]?["code"] == "model_too_large")
      #expect(try reply.json["error"]?["message"]?.stringValue?.contains("1000") == true)
    }
  }

  @Test("that cannot be loaded say why, and can once they are repaired")
  func broken() async throws {
    let folder = try TemporaryFolder()
    for name in ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"] {
      try folder.write(try Fixtures.bytes("models/llama/\(name)"), to: name)
    }
    try await withServer(FixtureModels([FixtureModels.model("tiny/llama", folder.path)])) { client in
      let reply = try await client.chat()
      #expect(reply.status == 500)
      #expect(try reply.json["error"]?["type"] == "server_error")
      try folder.write(try Fixtures.bytes("models/llama/model.safetensors"), to: "model.safetensors")
      try await eventually { try await client.chat().status == 200 }
      #expect((try await client.metric("impetus_model_load_failures_total") ?? 0) >= 1)
    }
  }

  @Test("of an unknown architecture are the request's fault")
  func unknownArchitecture() async throws {
    let folder = try TemporaryFolder()
    for name in ["tokenizer.json", "model.safetensors"] {
      try folder.write(try Fixtures.bytes("models/llama/\(name)"), to: name)
    }
    try folder.write("{\"architectures\":[\"OracleForCausalLM\"],\"model_type\":\"oracle\"}", to: "config.json")
    try await withServer(FixtureModels([FixtureModels.model("tiny/llama", folder.path)])) { client in
      let reply = try await client.chat()
      #expect(reply.status == 400)
      #expect(try reply.json["error"]?["param"] == "model")
      #expect(try reply.json["error"]?["message"]?.stringValue?.contains("racle") == true)
    }
  }

  @Test("without a chat template complete texts only")
  func noTemplate() async throws {
    let folder = try TemporaryFolder()
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
      try folder.write(try Fixtures.bytes("models/llama/\(name)"), to: name)
    }
    try await withServer(FixtureModels([FixtureModels.model("tiny/llama", folder.path)])) { client in
      let reply = try await client.chat()
      #expect(reply.status == 400)
      #expect(try reply.json["error"]?["message"]?.stringValue?.contains("/v1/completions") == true)
      #expect(try await client.complete().status == 200)
    }
  }

  @Test("need no name when there is a default, which is loaded at the start")
  func defaultModel() async throws {
    try await withServer(FixtureModels()) {
      $0.defaultModel = "smollm2"
    } _: { client in
      try await eventually { try await client.get("/ready").status == 200 }
      #expect(try await client.metric("impetus_model_loads_total{model=\"tiny/smollm2\"}") == 1)
      let answer = try await client.post(
        "/v1/chat/completions", ["messages": [["role": "user", "content": "Hi"]], "max_tokens": 2])
      #expect(try answer.json["model"] == "tiny/smollm2")
    }
    try await withServer(FixtureModels()) {
      $0.defaultModel = "nobody"
    } _: { client async throws in
      #expect(try await client.get("/ready").status == 404)
      #expect(try await client.get("/health").status == 200)
    }
  }

  /// A source that a policy keeps shut.
  private struct Forbidden: ModelSource {
    func list() -> [ServableModel] { [] }
    func open(_ name: String) throws -> ServableModel? {
      throw PolicyProblem.refused(name: name, rule: "licenses", policy: "/etc/policy.json", why: "its licence is other")
    }
  }

  @Test("that a policy forbids are refused with 403 and the rule")
  func forbidden() async throws {
    try await withServer(Forbidden()) { client in
      let reply = try await client.chat()
      #expect(reply.status == 403)
      #expect(try reply.json["error"]?["code"] == "policy.licenses")
      #expect(try reply.json["error"]?["type"] == "permission_error")
    }
  }
}
