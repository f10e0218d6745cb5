// SPDX-License-Identifier: Apache-2.0
// A share on a free port of this machine, with two small models in a store of their own.

import Basics
import Logging
import Server
import Store
import Support

/// A running share and what it shares.
struct ShareRig: Sendable {
  let folder: TemporaryFolder
  let store: ModelStore
  var port = 0

  init() throws {
    folder = try TemporaryFolder("impetus-share")
    store = ModelStore(root: "\(folder.path)/store")
  }

  /// Bytes that differ everywhere.
  static let weights = LoopbackFile.noise(700_001, seed: 4)

  /// Puts a model into the store.
  @discardableResult
  func add(_ name: String, organization: String? = "Org", variant: String = "main", text: String = "{}") throws
    -> StoredModel
  {
    let ingest = try Ingest(store)
    let files: [(String, [UInt8])] = [
      ("config.json", Array(text.utf8)), ("empty.txt", []), ("sub folder/ä+b.json", Array("[]".utf8)),
      ("model.safetensors", Self.weights),
    ]
    return try ingest.publish(
      try files.map { path, bytes in
        try ModelFile(path: path, digest: try ingest.add(bytes).digest, byteCount: bytes.count)
      },
      as: try Reference(organization: organization, name: name, variant: variant),
      description: ModelDescription(
        origin: Origin(revision: String(repeating: "ab", count: 20), licenses: ["apache-2.0"])), replaces: false)
  }

  /// Asks, on a connection of its own.
  func send(_ method: String, _ path: String, _ headers: [String: String] = [:], body: String? = nil) async throws
    -> Reply
  {
    var fields = ["Host": "127.0.0.1:\(port)", "Connection": "close"].merging(headers) { $1 }
    if let body { fields["Content-Length"] = "\(body.utf8.count)" }
    let lines = fields.map { "\($0.key): \($0.value)\r\n" }.sorted().joined()
    let bytes = Array("\(method) \(path) HTTP/1.1\r\n\(lines)\r\n\(body ?? "")".utf8)
    return try await Reply.asking(port: port, bytes, hasBody: method != "HEAD")
  }

  func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Reply {
    try await send("GET", path, headers)
  }

  /// Runs the program with a store of its own.
  func program(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> Support.Program.Run {
    let folder = folder.path
    return try await blocking {
      try Support.Program.run(
        arguments, environment: ["IMPETUS_HOME": "\(folder)/other", "HOME": folder].merging(environment) { $1 })
    }
  }
}

/// Runs a share for the time of `body`.
func withShare(
  _ rig: ShareRig, _ settle: (inout ShareConfiguration) -> Void = { _ in }, _ body: (ShareRig) async throws -> Void
) async throws {
  var configuration = ShareConfiguration()
  configuration.host = "127.0.0.1"
  configuration.port = 0
  configuration.chunkByteCount = 64 << 10
  settle(&configuration)
  let (ports, readiness) = AsyncStream.makeStream(of: Int.self)
  let sharing = Sharing(
    configuration, store: rig.store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  ) { readiness.yield($0) }
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      defer { readiness.finish() }
      try await sharing.run()
    }
    for await port in ports {
      var rig = rig
      rig.port = port
      do {
        try await body(rig)
      } catch {
        await sharing.shutDown()
        throw error
      }
      break
    }
    await sharing.shutDown()
    try await group.waitForAll()
  }
}
