// SPDX-License-Identifier: Apache-2.0
// Asking before pulling: `plan`, `search`, `show` of a model that is not here, and what a pull makes of it.

import Basics
import Support
import Synchronization
import Testing

@Suite struct PlanCommandTests {
  private static func hub(tokenizer: String? = nil) throws -> LoopbackHub {
    let folder = Fixtures.url("models/qwen2-tied")
    let names = try Files.list(folder).filter { name in
      Files.isFile("\(folder)/\(name)") && name != "reference.json" && (tokenizer == nil || name != "tokenizer.json")
    }
    return try LoopbackHub(
      try names.map { LoopbackFile($0, try Files.read("\(folder)/\($0)"), isLarge: $0.hasSuffix(".safetensors")) }
        + (tokenizer.map { [LoopbackFile("tokenizer.json", $0)] } ?? []))
  }

  @Test("show of a model that is not here names the piece of its tokenizer that is missing") func tokenizer() throws {
    let hub = try Self.hub(tokenizer: #"{"model": {"type": "Quantum", "vocab": {}, "merges": []}}"#)
    defer { hub.stop() }
    let rig = try StoreCommandTests.Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    let shown = try JSONReader.parse(try rig.succeed("show", "org/model", "--json", environment: environment))
    #expect(shown["supported"] == false && shown["verdict"] == "unsupported")
    #expect(shown["unsupported"]?.stringValue?.contains(#""Quantum""#) == true)
    #expect(try rig.succeed("show", "org/model", environment: environment).contains(#""Quantum""#))
    try rig.succeed("pull", "org/model", environment: environment)
    let own = try JSONReader.parse(try rig.succeed("show", "org/model", "--json"))
    #expect(own["unsupported"] == shown["unsupported"])
  }

  @Test("pull --dry-run --json says where every file would come from, and what is left out") func dryRun() throws {
    let hub = try LoopbackHub([
      LoopbackFile("config.json", #"{"model_type": "llama"}"#), LoopbackFile("picture.png", "p"),
      LoopbackFile.large("model.safetensors", byteCount: 1000),
    ])
    defer { hub.stop() }
    let rig = try StoreCommandTests.Rig()
    let run = try rig.succeed(
      "pull", "org/model", "--dry-run", "--json", environment: ["HF_ENDPOINT": hub.endpoint])
    let plan = try JSONReader.parse(run)
    #expect(plan["name"] == "org/model" && plan["dry_run"] == true && plan["fetch_bytes"] == 1023)
    let files = plan["files"]?.arrayValue ?? []
    #expect(files.map { $0["path"] } == ["config.json", "model.safetensors"])
    #expect(files.allSatisfy { $0["from"] == "hub" })
    #expect(plan["left_out"]?.arrayValue?.first?["path"] == "picture.png")
    #expect(plan["verdict"] != nil)
    #expect(try Files.list("\(rig.folder.path)/store/blobs/sha256").isEmpty)
  }

  @Test("plan and show tell the same of a model of the hub, and write nothing") func look() throws {
    let hub = try Self.hub()
    defer { hub.stop() }
    let rig = try StoreCommandTests.Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    let plan = try JSONReader.parse(try rig.succeed("plan", "org/model", "--json", environment: environment))
    #expect(plan["verdict"] == "fits" && plan["architecture"] == "qwen2" && plan["supported"] == true)
    #expect(plan["forms"]?.arrayValue?.count == 7 && plan["fetch_bytes"] == plan["size_bytes"])
    let shown = try JSONReader.parse(try rig.succeed("show", "org/model", "--json", environment: environment))
    for key in ["parameter_count", "size_bytes", "forms", "revision"] { #expect(shown[key] == plan[key], "\(key)") }
    #expect(try rig.succeed("plan", "org/model", environment: environment).contains("4 bits"))
    #expect(try Files.list(rig.folder.path) == [])
    try rig.succeed("pull", "org/model", environment: environment)
    let own = try JSONReader.parse(try rig.succeed("show", "org/model", "--json"))
    #expect(own["parameter_count"] == plan["parameter_count"])
    let again = try JSONReader.parse(try rig.succeed("plan", "org/model", "--json", environment: environment))
    #expect(again["fetch_bytes"] == 0)
    #expect(try rig.run("show", "org/absent", environment: environment).status == 4)
    #expect(try rig.run("show", "org/absent", environment: ["HF_HUB_OFFLINE": "1"]).status == 3)
  }

  @Test("what is certain not to run is not pulled, unless it is asked for") func unsupported() throws {
    let hub = try LoopbackHub([
      LoopbackFile("config.json", #"{"model_type": "mamba9"}"#), .large("model.safetensors", byteCount: 3000),
    ])
    defer { hub.stop() }
    let rig = try StoreCommandTests.Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    #expect(try rig.run("plan", "org/model", environment: environment).status == 8)
    let refused = try rig.run("pull", "org/model", environment: environment)
    #expect(refused.status == 8 && refused.errors.contains("mamba9") && refused.errors.contains("--force"))
    #expect(try rig.succeed("list", "--quiet") == "")
    try rig.succeed("pull", "org/model", "--force", environment: environment)
    #expect(try rig.succeed("list", "--quiet") == "org/model\n")
  }

  @Test("a search lists, filters by what fits, and is JSON on request") func search() throws {
    let hub = try LoopbackHub()
    defer { hub.stop() }
    hub.state.withLock {
      $0.found = [
        [
          "id": "org/small", "config": ["model_type": "llama"],
          "safetensors": ["parameters": ["BF16": 9000], "total": 9000],
        ],
        ["id": "org/huge", "config": ["model_type": "llama"], "safetensors": ["total": 4_000_000_000_000]],
        ["id": "org/other", "config": ["model_type": "mamba9"], "safetensors": ["total": 9000]],
      ]
    }
    let rig = try StoreCommandTests.Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    let all = try JSONReader.parse(try rig.succeed("search", "x", "--json", environment: environment)).arrayValue ?? []
    #expect(all.compactMap { $0["name"]?.stringValue } == ["org/small", "org/huge", "org/other"])
    #expect(all.first?["size_bytes"] == 18000 && all.last?["supported"] == false)
    let fitting = try rig.succeed("search", "x", "--fits", environment: environment)
    #expect(fitting.contains("org/small") && !fitting.contains("org/huge") && !fitting.contains("org/other"))
    #expect(try rig.run("search", "--sort", "size", environment: environment).status == 64)
  }
}
