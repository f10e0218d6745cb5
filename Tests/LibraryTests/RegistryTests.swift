// SPDX-License-Identifier: Apache-2.0
// Models to a registry and back, and manifests that must not be believed.

import Basics
import Hub
import Library
import Registry
import Store
import Support
import Synchronization
import Testing

@Suite("Models of registries") struct RegistryModelTests {
  struct Rig {
    let registry: LoopbackRegistry
    let folder: TemporaryFolder

    init() throws {
      registry = try LoopbackRegistry()
      folder = try TemporaryFolder("impetus-library")
    }

    func store(_ name: String) -> ModelStore { ModelStore(root: "\(folder.path)/\(name)") }

    func client(_ path: String) throws -> RegistryClient {
      let address = try RegistryAddress("oci://\(registry.host)/\(path)")
      var settings = RegistrySettings(network: NetworkSettings(), credentials: .nothing)
      settings.retry = RetryPolicy(attempts: 3, base: .milliseconds(5), longest: .milliseconds(20), margin: .zero)
      return try RegistryClient(address, settings, pushes: true)
    }

    /// A model of two files in a store.
    func model(_ store: ModelStore) throws -> StoredModel {
      let ingest = try Ingest(store)
      let weights = LoopbackFile.noise(200_000, seed: 9)
      let files = try [("config.json", Array("{}".utf8)), ("model.safetensors", weights)].map { path, bytes in
        try ModelFile(path: path, digest: try ingest.add(bytes).digest, byteCount: bytes.count)
      }
      return try ingest.publish(
        files, as: try Reference(organization: "Org", name: "Model", variant: "q4"),
        description: ModelDescription(architecture: "llama"), replaces: false)
    }

    func pull(_ path: String, into store: ModelStore, name: Reference? = nil) async throws -> StoredModel {
      let pulling = RegistryPulling(client: try client(path), ingest: try Ingest(store))
      let plan = try await pulling.plan(as: name)
      return try await pulling.run(plan, options: DownloadOptions(connections: 2), replaces: true) { _ in }
    }
  }

  @Test("a model comes back with the same digest, and its name in its own spelling") func tour() async throws {
    let rig = try Rig()
    let (here, there) = (rig.store("here"), rig.store("there"))
    let model = try rig.model(here)
    let pushing = RegistryPushing(client: try rig.client("org/model"), store: here, connections: 3)
    let progress = Mutex<(Int, Int)>((0, 0))
    let outcome = try await pushing.run(model) { done, total in progress.withLock { $0 = (done, total) } }
    #expect(outcome.address.version == .tag("q4"))
    #expect(outcome.blobs == [.uploaded: 3])
    #expect(progress.withLock { $0.0 == $0.1 && $0.1 > 200_000 })
    #expect(try await pushing.run(model).blobs == [.present: 3])

    let pulled = try await rig.pull("org/model:q4", into: there)
    #expect(pulled.digest == model.digest)
    #expect(pulled.reference == model.reference)
    #expect(there.checks([pulled]).allSatisfy { there.run($0) == nil })
    let asked = rig.registry.records("GET", "/blobs/").count
    _ = try await rig.pull("org/model@\(model.digest)", into: there)
    #expect(rig.registry.records("GET", "/blobs/").count == asked)
    rig.registry.stop()
  }

  @Test(
    "the name is the address's, in the title's spelling where that is the same",
    arguments: [
      ("org/model:q4", "Org/Model:q4", "Org/Model:q4"), ("org/model:q8", "Org/Model:q4", "Org/Model:q8"),
      ("a/org/model:latest", "Org/Model:q4", "Org/Model"), ("org/other:q4", "Org/Model:q4", "org/other:q4"),
      ("model", "Org/Model", "model"), ("local/my", "My:q4", "My"), ("org/model:x", "../../etc", "org/model:x"),
    ])
  func names(path: String, title: String, expected: String) async throws {
    let rig = try Rig()
    let store = rig.store("here")
    let model = try rig.model(store)
    _ = try await RegistryPushing(client: rig.client("\(path.prefix { $0 != ":" }):x"), store: store, connections: 1)
      .run(model)
    let text = String(decoding: try store.manifestBytes(model), as: UTF8.self)
      .replacing("Org/Model:q4", with: title)
    let repository = String(path.prefix { $0 != ":" })
    for tag in ["main", "latest", "q4", "q8", "x"] {
      rig.registry.state.withLock { $0.manifests["\(repository):\(tag)"] = Array(text.utf8) }
    }
    #expect(try await rig.pull(path, into: rig.store("there")).reference.description == expected)
    rig.registry.stop()
  }

  /// A manifest with one thing wrong.
  struct Hostile: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let change: @Sendable (JSONObject) -> JSONValue

    init(_ name: String, _ change: @escaping @Sendable (JSONObject) -> JSONValue) {
      (testDescription, self.change) = (name, change)
    }

    /// Changes the first layer.
    static func layer(_ name: String, _ change: @escaping @Sendable (inout JSONObject) -> Void) -> Hostile {
      Hostile(name) { manifest in
        var manifest = manifest
        var layers = manifest["layers"]?.arrayValue ?? []
        var layer = layers[0].objectValue ?? JSONObject()
        change(&layer)
        layers[0] = .object(layer)
        manifest["layers"] = .array(layers)
        return .object(manifest)
      }
    }

    static func path(_ path: String) -> Hostile {
      layer("path \(path.prefix(12))") { $0["annotations"] = ["org.cncf.model.filepath": .string(path)] }
    }

    static func with(_ key: String, _ value: JSONValue?) -> Hostile {
      Hostile("\(key) \(value == nil ? "missing" : "wrong")") { manifest in
        var manifest = manifest
        manifest[key] = value
        return .object(manifest)
      }
    }

    static let all: [Hostile] = [
      Hostile("no object") { _ in [] }, with("schemaVersion", 1), with("artifactType", nil), with("layers", nil),
      with("layers", "x"), with("config", nil), with("config", ["digest": "sha256:../../../etc/passwd"]),
      with("mediaType", "application/vnd.oci.image.index.v1+json"),
      with("mediaType", "application/vnd.docker.distribution.manifest.v2+json"),
      path("../x"), path("/etc/passwd"), path("a/../../b"), path(""), path("a\u{0}b"), path("a\\b"), path("."),
      path("model.safetensors"), path("model.safetensors/x"), path(String(repeating: "a/", count: 600) + "b"),
      layer("size -1") { $0["size"] = -1 }, layer("size 2^60") { $0["size"] = .integer(1 << 60) },
      layer("size wrong") { $0["size"] = 77 }, layer("size a text") { $0["size"] = "1" },
      layer("no size") { $0["size"] = nil }, layer("digest short") { $0["digest"] = "sha256:abcd" },
      layer("digest absent") { $0["digest"] = .string("sha256:\(String(repeating: "0", count: 64))") },
      layer("digest md5") { $0["digest"] = .string("md5:\(String(repeating: "0", count: 64))") },
      layer("tar layer") { $0["mediaType"] = "application/vnd.cncf.model.weight.v1.tar" },
      layer("kit layer") { $0["mediaType"] = "application/vnd.kitops.modelkit.model.v1.tar" },
      Hostile("100000 layers") { manifest in
        var manifest = manifest
        let layer = manifest["layers"]?.arrayValue?.first ?? .null
        manifest["layers"] = .array([JSONValue](repeating: layer, count: 60_000))
        return .object(manifest)
      },
      Hostile("config is a file") { manifest in
        var manifest = manifest
        var config = manifest["layers"]?.arrayValue?.first?.objectValue ?? JSONObject()
        config["annotations"] = nil
        manifest["config"] = .object(config)
        return .object(manifest)
      },
    ]
  }

  @Test("a hostile manifest gets no name, and nothing leaves the store's folder", arguments: Hostile.all)
  func hostile(_ hostile: Hostile) async throws {
    let rig = try Rig()
    let (here, there) = (rig.store("here"), rig.store("there"))
    let model = try rig.model(here)
    _ = try await RegistryPushing(client: rig.client("org/model"), store: here, connections: 1).run(model)
    let good = try JSONReader.parse(try here.manifestBytes(model)).objectValue ?? JSONObject()
    let bytes = JSONWriter.bytes(hostile.change(good))
    rig.registry.state.withLock { $0.manifests["org/model:bad"] = bytes }
    do {
      _ = try await rig.pull("org/model:bad", into: there)
      Issue.record("it was taken")
    } catch let problem as any Problem {
      #expect([.mismatch, .unsupported, .notFound, .usage, .network].contains(problem.status), "\(problem)")
    }
    #expect(try there.models().isEmpty)
    #expect(try Files.list(rig.folder.path) == ["here", "there"])
    rig.registry.stop()
  }

  @Test("a damaged model is not sent") func damaged() async throws {
    let rig = try Rig()
    let store = rig.store("here")
    let model = try rig.model(store)
    let path = store.path(of: model.manifest.files[1].digest)
    var bytes = try Files.read(path)
    bytes[5] ^= 1
    try Files.remove(path)
    try AtomicFile.write(bytes, to: path)
    let pushing = RegistryPushing(client: try rig.client("org/model"), store: store, connections: 1)
    await #expect(throws: RegistryProblem.self) { try await pushing.run(model) }
    try Files.remove(path)
    await #expect(throws: StoreProblem.self) { try await pushing.run(model) }
    #expect(rig.registry.state.withLock { $0.manifests.isEmpty })
    rig.registry.stop()
  }
}
