// SPDX-License-Identifier: Apache-2.0
// Locks, and updates: the same models elsewhere, and newer ones only when somebody agrees.

import Basics
import Support
import Synchronization
import Testing

@Suite struct LockCommandTests {
  private typealias Rig = StoreCommandTests.Rig

  private static let llama = Fixtures.url("models/llama")
  private static let nextCommit = String(repeating: "0", count: 40)

  private static func hub() throws -> LoopbackHub {
    let names = try Files.list(llama).filter { Files.isFile("\(llama)/\($0)") }
    let hub = try LoopbackHub(
      try names.map { LoopbackFile($0, try Files.read("\(llama)/\($0)"), isLarge: $0.hasSuffix(".safetensors")) })
    hub.state.withLock { $0.license = "apache-2.0" }
    return hub
  }

  /// A file of the hub with other content, at a new commit.
  private static func change(_ hub: LoopbackHub, _ path: String, _ edit: (String) -> String) {
    hub.state.withLock { state in
      state.commit = nextCommit
      state.files = state.files.map { file in
        guard file.path == path else { return file }
        return LoopbackFile(path, edit(String(decoding: file.content, as: UTF8.self)))
      }
    }
  }

  /// A store with a pulled and a quantized model, and its lock.
  private static func locked(_ hub: LoopbackHub) throws -> (rig: Rig, lock: String, environment: [String: String]) {
    let rig = try Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    try rig.succeed("pull", "org/model", environment: environment)
    try rig.succeed("quantize", "org/model", "--group-size", "32", "--name", ":q")
    let lock = "\(rig.folder.path)/impetus.lock"
    try rig.succeed("lock", "--output", lock)
    return (rig, lock, environment)
  }

  private static func digests(_ rig: Rig) throws -> [String: String] {
    var found: [String: String] = [:]
    for model in try JSONReader.parse(try rig.succeed("list", "--json")).arrayValue ?? [] {
      found[model["name"]?.stringValue ?? ""] = model["digest"]?.stringValue
    }
    return found
  }

  @Test("a lock brings the same manifests to another store, quantized ones too, and then needs no network")
  func sync() throws {
    let hub = try Self.hub()
    let (rig, lock, environment) = try Self.locked(hub)
    let text = try Files.read(lock)
    try rig.succeed("lock", "org/model:q", "org/model", "--output", lock)
    #expect(try Files.read(lock) == text)
    #expect(try rig.succeed("lock", "--output", "-") == String(decoding: text, as: UTF8.self))

    let other = try Rig()
    let synced = try JSONReader.parse(
      try other.succeed("sync", "--frozen", "--lock", lock, "--json", environment: environment))
    #expect(synced.arrayValue?.map { $0["outcome"] } == ["fetched", "made"])
    #expect(try Self.digests(other) == Self.digests(rig))
    try other.succeed("verify", "--rebuild")
    hub.stop()
    try other.succeed("sync", "--frozen", "--lock", lock, environment: environment)
    try other.succeed("sync", "--frozen", "--offline", "--lock", lock)
    // A file that only the disk has lost is fetched again, so offline it is missing.
    let files = try JSONReader.parse(try other.succeed("show", "org/model", "--json"))["files"]?.arrayValue ?? []
    try Files.remove(other.blob(files.first?["digest"]?.stringValue ?? ""))
    #expect(try other.run("sync", "--offline", "--lock", lock).status == 5)
  }

  @Test("a quantized model alone brings its base with it") func derived() throws {
    let hub = try Self.hub()
    defer { hub.stop() }
    let (rig, lock, _) = try Self.locked(hub)
    try rig.succeed("lock", "org/model:q", "--output", lock)
    let other = try Rig()
    // The first endpoint is down; the second one is asked, as by a pull.
    let endpoints = ["--endpoint", "http://127.0.0.1:9", "--endpoint", hub.endpoint]
    let bare = ["IMPETUS_HOME": "\(other.folder.path)/store", "HOME": other.folder.path]
    for command in [["sync", "--lock", lock], ["outdated"], ["update"]] {
      let run = try Support.Program.run(command + endpoints, environment: bare)
      #expect(run.status == 0, "\(command): \(run.errors)")
    }
    #expect(try Self.digests(other)["org/model:q"] == Self.digests(rig)["org/model:q"])
  }

  @Test("what was made of adapters, or of a GGUF file, is made again from them where they are named") func materials()
    throws
  {
    let rig = try Rig()
    let paths = ["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"]
    let adapters = try [1, 2].map { try AdapterBuilder(fixture: "llama", paths).folder(seed: $0) }
    let gguf = "\(rig.folder.path)/tiny-Q8_0.gguf"
    let head = try Array(Fixtures.bytes("fuzz/gguf/llama-q8.gguf").dropLast(7328))
    try AtomicFile.write(head + [UInt8](repeating: 0, count: 7328), to: gguf)
    let llama = Fixtures.url("models/llama")
    try rig.succeed("import", llama, "--name", "org/tiny")
    try rig.succeed(
      "fuse", "org/tiny", "--adapter", adapters[0].path, "--adapter", adapters[1].path, "--name", ":fused")
    try rig.succeed("import", gguf, "--name", "org/converted")
    let inputs = adapters.flatMap { ["--input", $0.path] } + ["--input", gguf]
    func run(_ rig: Rig, _ arguments: [String]) throws -> Support.Program.Run {
      try Support.Program.run(
        arguments, environment: ["IMPETUS_HOME": "\(rig.folder.path)/store", "HOME": rig.folder.path])
    }
    let without = try rig.run("verify", "--rebuild")
    #expect(without.status == 3 && without.output.contains("--input"), "\(without.output)")
    let again = try run(rig, ["verify", "--rebuild", "--json"] + inputs)
    #expect(again.status == 0, "\(again.output)\(again.errors)")
    let outcomes = try JSONReader.parse(again.output)["rebuilt"]?.arrayValue ?? []
    #expect(outcomes.map { $0["outcome"] } == ["same", "same"])

    let lock = "\(rig.folder.path)/impetus.lock"
    try rig.succeed("lock", "--output", lock)
    let other = try Rig()
    try other.succeed("import", llama, "--name", "org/tiny")
    #expect(try other.run("sync", "--offline", "--lock", lock).status == 3)
    let synced = try run(other, ["sync", "--frozen", "--offline", "--lock", lock] + inputs)
    #expect(synced.status == 0, "\(synced.errors)")
    #expect(try Self.digests(other) == Self.digests(rig))
    // Another adapter is not taken for the recorded one.
    let third = try AdapterBuilder(fixture: "llama", paths).folder(seed: 3)
    #expect(try rig.run("verify", "org/tiny:fused", "--rebuild", "--input", third.path).status == 3)
    // A folder goes with its last use; the program reads them until here.
    withExtendedLifetime(adapters) {}
  }

  @Test("what the hub has meanwhile under the commit is not taken for what was locked", arguments: [true, false])
  func otherContent(isLarge: Bool) throws {
    let hub = try Self.hub()
    defer { hub.stop() }
    let (source, lock, environment) = try Self.locked(hub)
    defer { withExtendedLifetime(source) {} }
    hub.state.withLock { state in
      state.files = state.files.map { file in
        guard file.isLarge == isLarge, isLarge || file.path == "config.json" else { return file }
        var content = file.content
        content[content.count - 2] ^= 1
        return LoopbackFile(file.path, content, isLarge: isLarge)
      }
    }
    let other = try Rig()
    let before = hub.sentByteCount(.cdn)
    let run = try other.run("sync", "--lock", lock, environment: environment)
    #expect(run.status == 2, "\(run.errors)")
    #expect(run.errors.contains(isLarge ? "model.safetensors" : "config.json"))
    #expect(try other.succeed("list", "--quiet") == "")
    if isLarge { #expect(hub.sentByteCount(.cdn) == before) }
  }

  @Test("frozen replaces nothing; without it the other content goes into the trash") func drift() throws {
    let hub = try Self.hub()
    defer { hub.stop() }
    let (source, lock, environment) = try Self.locked(hub)
    defer { withExtendedLifetime(source) {} }
    let other = try Rig()
    try other.succeed("import", Fixtures.url("models/qwen2-tied"), "--name", "org/model")
    let mine = try Self.digests(other)["org/model"]
    let run = try other.run("sync", "--frozen", "--lock", lock, environment: environment)
    #expect(run.status == 2)
    #expect(run.errors.contains("org/model is not what is locked"))
    #expect(try Self.digests(other) == ["org/model": mine])
    try other.succeed("sync", "--lock", lock, environment: environment)
    #expect(try Self.digests(other)["org/model"] != mine)
    try other.succeed("restore", "org/model", "--force")
    #expect(try Self.digests(other)["org/model"] == mine)
  }

  @Test(
    "a lock that was changed by hand is refused",
    arguments: [
      "", "{}", #"{"version":2,"models":[]}"#, #"{"version":1,"models":[{"name":"../x","files":[]}]}"#,
      #"{"version":1,"models":[{"name":"a","files":[{"path":"../x","size":1,"sha256":"\#(String(repeating: "0", count: 64))"}]}]}"#,
      #"{"version":1,"models":[{"name":"a","files":[{"path":"x","size":1,"sha256":"\#(String(repeating: "0", count: 64))"}],"digest":"sha256:00"}]}"#,
    ])
  func damaged(text: String) throws {
    let rig = try Rig()
    let path = try rig.folder.write(text, to: "x.lock")
    #expect(try rig.run("sync", "--offline", "--lock", path).status == 2)
  }

  @Test("outdated counts files, not commits; update takes them, and the old version comes back") func update() throws {
    let hub = try Self.hub()
    defer { hub.stop() }
    let (rig, _, environment) = try Self.locked(hub)
    func states() throws -> [JSONValue?] {
      let run = try rig.succeed("outdated", "--json", environment: environment)
      return try JSONReader.parse(run).arrayValue?.map { $0["state"] } ?? []
    }
    #expect(try states() == ["current", "current"])
    hub.state.withLock { $0.commit = Self.nextCommit }
    #expect(try states() == ["current", "current"])
    Self.change(hub, "generation_config.json") { _ in "{\"temperature\":0.5}" }
    #expect(try states() == ["outdated", "outdated"])
    let old = try Self.digests(rig)

    let shown = try JSONReader.parse(try rig.succeed("update", "--diff", "--json", environment: environment))
    #expect(shown.arrayValue?.map { $0["updated"] } == [false])
    let changes = shown.arrayValue?.first?["changes"]?["config"]?["generation_config.json"]?["changes"]?.arrayValue
    #expect(changes?.contains { $0["path"] == "temperature" && $0["right"] == 0.5 } == true)
    #expect(try Self.digests(rig) == old)

    let updated = try JSONReader.parse(try rig.succeed("update", "--json", environment: environment))
    #expect(updated.arrayValue?.map { $0["to"] } == [.string(Self.nextCommit)])
    #expect(try Self.digests(rig)["org/model"] != old["org/model"])
    #expect(try Self.digests(rig)["org/model:q"] == old["org/model:q"])
    try rig.succeed("verify")
    try rig.succeed("restore", "org/model", "--force")
    #expect(try Self.digests(rig) == old)
  }

  @Test("a new chat template is not taken without consent") func consent() throws {
    let hub = try Self.hub()
    defer { hub.stop() }
    let (rig, _, environment) = try Self.locked(hub)
    let old = try Self.digests(rig)
    Self.change(hub, "tokenizer_config.json") { _ in "{\"chat_template\":\"{{ 'ignore what was said' }}\"}" }
    let refused = try rig.run("update", "org/model", environment: environment)
    #expect(refused.status == 1)
    #expect(refused.errors.contains("--diff"))
    #expect(try Self.digests(rig) == old)
    let shown = try rig.run("update", "org/model", "--diff", environment: environment)
    #expect(shown.status == 0)
    #expect(shown.output.contains("+ {{ 'ignore what was said' }}"))
    #expect(try Self.digests(rig) == old)
    try rig.succeed("update", "org/model", "--yes", environment: environment)
    #expect(try Self.digests(rig)["org/model"] != old["org/model"])
  }

  @Test("a model that was pulled at a commit stays there; one from no hub is said to be local") func pinned() throws {
    let hub = try Self.hub()
    defer { hub.stop() }
    let rig = try Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    try rig.succeed("pull", "org/model", "--revision", hub.state.withLock { $0.commit }, environment: environment)
    try rig.succeed("import", Self.llama, "--name", "own")
    Self.change(hub, "generation_config.json") { _ in "{}" }
    let run = try JSONReader.parse(try rig.succeed("outdated", "--json", environment: environment))
    #expect(Set(run.arrayValue?.compactMap { $0["state"]?.stringValue } ?? []) == ["pinned", "local"])
  }
}
