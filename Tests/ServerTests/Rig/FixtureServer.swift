// SPDX-License-Identifier: Apache-2.0
// A server on a free port of this machine that serves the tiny models of the repository.

import Basics
import Inference
import Logging
import Server
import Support
import Synchronization

/// Tiny models with random weights: what they say is noise, but always the same noise.
struct FixtureModels: ModelSource {
  var models: [ServableModel]
  private var folder: TemporaryFolder?

  init(_ names: [String] = ["llama", "qwen2-tied-mlx-q8-g64", "smollm2"]) {
    models = names.map { Self.model("tiny/\($0)", Fixtures.url("models/\($0)")) }
  }

  init(_ models: [ServableModel]) { self.models = models }

  /// Models whose context is so long that an answer nobody ends outlasts its test, on any machine.
  static func unending(_ names: [String] = ["llama", "smollm2"]) throws -> Self {
    let folder = try TemporaryFolder()
    for name in names {
      for file in ["generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        try folder.write(try Fixtures.bytes("models/\(name)/\(file)"), to: "\(name)/\(file)")
      }
      var config = try JSONReader.parse(try Fixtures.bytes("models/\(name)/config.json")).objectValue ?? [:]
      config["max_position_embeddings"] = JSONValue(unendingContext)
      try folder.write(JSONWriter.bytes(.object(config)), to: "\(name)/config.json")
    }
    var source = Self(names.map { Self.model("tiny/\($0)", "\(folder.path)/\($0)") })
    source.folder = folder
    return source
  }

  /// Positions of `unending` models: ten seconds for one answer even at 30,000 tokens a second, and more as the context grows.
  static let unendingContext = 300_000

  static func model(_ name: String, _ folder: String) -> ServableModel {
    ServableModel(name: name, folder: folder, created: 1_700_000_000, owner: "tiny")
  }

  func list() -> [ServableModel] { models }

  /// By its name, or by what follows the slash.
  func open(_ name: String) -> ServableModel? {
    models.first { $0.name == name || $0.name.hasSuffix("/\(name)") }
  }
}

/// Runs a server for the time of `body`.
func withServer(
  _ source: any ModelSource = FixtureModels(), _ settle: (inout ServerConfiguration) -> Void = { _ in },
  _ body: (Client) async throws -> Void
) async throws {
  var configuration = ServerConfiguration()
  configuration.port = 0
  configuration.drainTime = .seconds(20)
  configuration.modelOptions = LoadedModel.Options(threads: 1, kvByteBudget: 4 << 20, sequences: 32)
  settle(&configuration)
  try configuration.validate()
  let (ports, readiness) = AsyncStream.makeStream(of: Int.self)
  let serving = Serving(
    configuration, source: source, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, hearsSignals: false
  ) { readiness.yield($0) }
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      defer { readiness.finish() }
      try await serving.run()
    }
    for await port in ports {
      do {
        try await body(Client(port: port, serving: serving))
      } catch {
        await serving.shutDown()
        throw error
      }
      break
    }
    await serving.shutDown()
    try await group.waitForAll()
  }
}
