// SPDX-License-Identifier: Apache-2.0
// Adapters served as models: each name its own text, together and apart, and never another's cached beginning.

import Basics
import Server
import Support
import Testing

@Suite("Adapters")
struct AdapterServingTests {
  @Test("answer under their own names beside the model they change") func names() async throws {
    let paths = ["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.up_proj", "model.layers.1.mlp.down_proj"]
    let builder = try AdapterBuilder(fixture: "llama", paths)
    let folders = [try builder.folder(seed: 1), try builder.folder(seed: 5)]
    var base = FixtureModels.model("tiny/llama", Fixtures.url("models/llama"))
    base.adapters = zip(["style", "facts"], folders).map { ServableAdapter(name: $0, folder: $1.path) }
    let named = base.adapters.map { adapter in
      var model = base
      (model.name, model.adapter, model.base) = (adapter.name, adapter.name, "tiny/llama")
      return model
    }
    try await withServer(FixtureModels([base] + named)) { client in
      let names = ["tiny/llama", "style", "facts"]
      var texts: [String: String] = [:]
      for name in names {
        let answer = try await client.chat("Hi", ["model": .string(name)]).json
        #expect(answer["model"]?.stringValue == name)
        texts[name] = answer.message()
      }
      #expect(Set(texts.values).count == 3)
      // One engine answers for all three.
      #expect(try await client.metric("impetus_model_loads_total{model=\"tiny/llama\"}") == 1)
      #expect(try await client.get("/v1/models/style").json["loaded"] == true)
      try await withThrowingTaskGroup(of: (String, String?).self) { group in
        for name in names + names {
          group.addTask { (name, try await client.chat("Hi", ["model": .string(name)]).json.message()) }
        }
        for try await (name, text) in group { #expect(text == texts[name], "\(name)") }
      }
    }
    // A folder goes with its last use; the server reads it later.
    withExtendedLifetime(folders) {}
  }
}
