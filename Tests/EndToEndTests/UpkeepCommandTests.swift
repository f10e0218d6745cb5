// SPDX-License-Identifier: Apache-2.0
// Looking after a store, as a user types it: room, names, differences, health, and models made again.

import Basics
import Glibc
import Support
import Synchronization
import Testing

@Suite struct UpkeepCommandTests {
  private typealias Rig = StoreCommandTests.Rig

  private static let llama = Fixtures.url("models/llama")

  private static func hub() throws -> LoopbackHub {
    let names = try Files.list(llama).filter { Files.isFile("\(llama)/\($0)") }
    return try LoopbackHub(
      try names.map { LoopbackFile($0, try Files.read("\(llama)/\($0)"), isLarge: $0.hasSuffix(".safetensors")) })
  }

  @Test("du adds up, tag and cp name and copy, and the copy verifies in its own store") func names() throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    try rig.succeed("quantize", "tiny", "--group-size", "32", "--name", ":q")
    let usage = try JSONReader.parse(try rig.succeed("du", "--json"))
    let models = usage["models"]?.arrayValue ?? []
    #expect(models.map { $0["name"] } == ["org/tiny", "org/tiny:q"])
    for model in models {
      #expect(
        model["size_bytes"]?.intValue
          == (model["shared_bytes"]?.intValue ?? 0) + (model["unique_bytes"]?.intValue ?? 0))
    }
    // The tokenizer's files are the same.
    #expect(models.allSatisfy { $0["shared_bytes"]?.intValue ?? 0 > 9000 })
    #expect(try rig.succeed("du").contains("org/tiny:q"))

    let tagged = try JSONReader.parse(try rig.succeed("tag", "org/tiny:q", "chat", "--json"))
    #expect(tagged["name"] == "chat")
    #expect(try rig.run("tag", "org/tiny", "chat").status == 1)
    try rig.succeed("tag", "org/tiny", ":tested")
    try rig.succeed("rm", "org/tiny:q")
    try rig.succeed("gc", "--now")
    try rig.succeed("verify", "chat")

    let archive = "\(rig.folder.path)/archive"
    let copied = try JSONReader.parse(try rig.succeed("cp", "chat", "org/chat:v1", "--to", archive, "--json"))
    #expect(copied["digest"] == tagged["digest"])
    try rig.succeed("verify", "--store", archive)
    #expect(try rig.succeed("list", "--quiet", "--store", archive) == "org/chat:v1\n")
    try rig.succeed("cp", "chat", "other")
    #expect(try rig.run("cp", "chat").status == 64)
  }

  @Test("diff says what differs, and ends with 1; without a difference with 0") func diff() throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    try rig.succeed("quantize", "tiny", "--group-size", "32", "--name", ":q")
    #expect(try rig.succeed("diff", "org/tiny", Self.llama).contains("the same"))
    let run = try rig.run("diff", "org/tiny", "org/tiny:q", "--json")
    #expect(run.status == 1)
    let found = try JSONReader.parse(run.output)
    #expect(found["same"] == false)
    let changes = found["config"]?["config.json"]?["changes"]?.arrayValue ?? []
    #expect(changes.contains { $0["path"] == "quantization" && $0["left"] == nil })
    let tensors = found["tensors"]?["changes"]?.arrayValue ?? []
    #expect(tensors.contains { $0["name"] == "model.layers.0.mlp.up_proj.scales" && $0["left"]?.isNull == true })
    // Norms are not quantized.
    #expect(found["tensors"]?["same"]?.intValue ?? 0 > 0)
    #expect(found["templates"]?.arrayValue?.isEmpty == true)
    let text = try rig.run("diff", "org/tiny", "org/tiny:q")
    #expect(text.status == 1)
    #expect(text.output.contains("~ model.layers.0.mlp.up_proj.weight"))
    #expect(try rig.run("diff", "org/tiny", "nothing").status == 3)
  }

  @Test("doctor finds what is missing, and a silent hub is only a warning") func doctor() throws {
    let rig = try Rig()
    let none = try JSONReader.parse(try rig.succeed("doctor", "--offline", "--json"))
    #expect(none["healthy"] == true)
    #expect(none["store"]?["exists"] == false)
    #expect(none["hub"]?["asked"] == false)
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    let hub = try Self.hub()
    let asked = try JSONReader.parse(
      try rig.succeed("doctor", "--json", environment: ["HF_ENDPOINT": hub.endpoint]))
    #expect(asked["hub"]?["reachable"] == true)
    #expect(asked["store"]?["models"] == 1)
    #expect(asked["machine"]?["kernels"]?.stringValue?.isEmpty == false)
    #expect(asked["machine"]?["memory_available_bytes"]?.intValue ?? 0 > 0)
    hub.stop()
    let silent = try JSONReader.parse(
      try rig.succeed("doctor", "--json", "--timeout", "2", environment: ["HF_ENDPOINT": hub.endpoint]))
    #expect(silent["hub"]?["reachable"] == false)
    #expect(
      (silent["findings"]?.arrayValue ?? []).contains { $0["code"] == "hub.silent" && $0["severity"] == "warning" })
    let forced = try JSONReader.parse(
      try rig.succeed("doctor", "--offline", "--json", environment: ["IMPETUS_ISA": "portable"]))
    #expect((forced["findings"]?.arrayValue ?? []).contains { $0["code"] == "isa.portable" })
    let others = try JSONReader.parse(
      try rig.succeed(
        "doctor", "--offline", "--json",
        environment: [
          "IMPETUS_PATH": "/nonexistent", "IMPETUS_POLICY": try rig.folder.write("{}", to: "policy.json"),
        ]))
    #expect((others["findings"]?.arrayValue ?? []).contains { $0["code"] == "store.absent" })
    #expect(others["policies"] == [.string("\(rig.folder.path)/policy.json")])
    #expect(try rig.run("doctor", "--offline", environment: ["IMPETUS_POLICY": "/nonexistent"]).status == 2)
    let files = try JSONReader.parse(try rig.succeed("show", "tiny", "--json"))["files"]?.arrayValue ?? []
    try Files.remove(rig.blob(files.first?["digest"]?.stringValue ?? ""))
    let damaged = try rig.run("doctor", "--offline")
    #expect(damaged.status == 2)
    #expect(damaged.output.contains("is missing"))
  }

  @Test("a quantized model made again is the same; one that was changed is not; without its base it cannot be made")
  func rebuild() throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    try rig.succeed("quantize", "tiny", "--group-size", "32", "--name", ":q")
    let same = try JSONReader.parse(try rig.succeed("verify", "--rebuild", "--json"))
    #expect(same["clean"] == true)
    #expect(same["rebuilt"]?.arrayValue?.map { $0["outcome"] } == ["same"])
    // Another model with its own digests all right, which claims to be made of the same base.
    try forge(rig)
    let run = try rig.run("verify", "org/forged", "--rebuild")
    #expect(run.status == 2, "\(run.errors)")
    #expect(run.output.contains("model.safetensors: made again"))
    #expect(try rig.run("verify", "org/forged").status == 0)
    // Nothing is left behind, and the models are as they were.
    #expect(try Files.list("\(rig.folder.path)/store/ingest").isEmpty)
    try rig.succeed("rm", "org/tiny", "--now")
    let missing = try rig.run("verify", "org/tiny:q", "--rebuild", "--json")
    #expect(missing.status == 3)
    #expect(try JSONReader.parse(missing.output)["clean"] == true)
    #expect(try JSONReader.parse(missing.output)["rebuilt"]?.arrayValue?.first?["outcome"] == "impossible")
  }

  @Test(
    "what a derived model records is held against its base and its own config", arguments: ["input", "recipe", "none"])
  func provenance(kind: String) throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    try rig.succeed("quantize", "tiny", "--group-size", "32", "--name", ":q")
    try forge(rig) { config in
      guard var object = config.objectValue, var provenance = object["org.impetus.provenance"]?.objectValue else {
        return config
      }
      switch kind {
      case "input":
        var inputs = provenance["inputs"]?.arrayValue ?? []
        inputs[0] = ["path": inputs[0]["path"] ?? .null, "digest": .string(Digest.of([1]).description)]
        provenance["inputs"] = .array(inputs)
      case "recipe":
        provenance["recipe"] = ["method": "affine, round to nearest", "quantization": ["bits": 8, "group_size": 64]]
      default:
        provenance["inputs"] = []
        provenance["recipe"] = [:]
      }
      object["org.impetus.provenance"] = .object(provenance)
      return .object(object)
    }
    let run = try rig.run("verify", "org/forged", "--json")
    #expect(run.status == 2)
    let codes = try JSONReader.parse(run.output)["findings"]?.arrayValue?.compactMap { $0["code"]?.stringValue } ?? []
    let expected = ["input": ["provenance.input"], "recipe": ["provenance.recipe"]]
    #expect(Set(codes) == Set(expected[kind] ?? ["provenance.inputs", "provenance.recipe"]))
  }

  /// Makes a layout whose model is `org/tiny:q` with another config blob or, without an edit, a changed byte of weights,
  /// every digest renewed, and imports it as `org/forged`.
  private func forge(_ rig: Rig, _ edit: ((JSONValue) -> JSONValue)? = nil) throws {
    let folder = "\(rig.folder.path)/forged"
    let shown = try JSONReader.parse(try rig.succeed("show", "org/tiny:q", "--json"))
    let digest = try #require(shown["digest"]?.stringValue)
    var manifest = String(decoding: try Files.read(rig.blob(digest)), as: UTF8.self)
    let json = try JSONReader.parse(Array(manifest.utf8))
    var config = String(
      decoding: try Files.read(rig.blob(json["config"]?["digest"]?.stringValue ?? "")), as: UTF8.self)
    try Files.makeFolders("\(folder)/blobs/sha256")
    func put(_ bytes: [UInt8]) throws -> String {
      try AtomicFile.write(bytes, to: "\(folder)/blobs/sha256/\(Digest.of(bytes).hex)")
      return Digest.of(bytes).description
    }
    for layer in json["layers"]?.arrayValue ?? [] {
      let old = layer["digest"]?.stringValue ?? ""
      var bytes = try Files.read(rig.blob(old))
      let path = layer["annotations"]?["org.cncf.model.filepath"]?.stringValue ?? ""
      if edit == nil, path.hasSuffix(".safetensors") { bytes[bytes.count - 1] ^= 1 }
      let new = try put(bytes)
      manifest = manifest.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
      config = config.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
    if let edit { config = JSONWriter.string(edit(try JSONReader.parse(Array(config.utf8)))) }
    for (old, new) in [
      (json["config"]?["digest"]?.stringValue ?? "", try put(Array(config.utf8))),
      ("\"size\":\(json["config"]?["size"]?.intValue ?? 0)", "\"size\":\(config.utf8.count)"),
    ] {
      manifest = manifest.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
    let bytes = Array(manifest.utf8)
    let index =
      #"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(try put(bytes))","size":\#(bytes.count),"annotations":{"org.opencontainers.image.ref.name":"org/forged:main"}}]}"#
    try AtomicFile.write(Array(index.utf8), to: "\(folder)/index.json")
    try AtomicFile.write(Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8), to: "\(folder)/oci-layout")
    try rig.succeed("import", folder)
  }

  @Test("gc refuses while a pull is under way, and takes nothing from one that was interrupted")
  func collectBesidePull()
    throws
  {
    let hub = try Self.hub()
    defer { hub.stop() }
    let rig = try Rig()
    let environment = [
      "HF_ENDPOINT": hub.endpoint, "HOME": rig.folder.path, "IMPETUS_HOME": "\(rig.folder.path)/store",
    ]
    try rig.succeed("import", Fixtures.url("models/qwen2-tied"), "--name", "present")
    // Heads are read before the transfer begins, which is held.
    let heads = hub.state.withLock { $0.files.count(where: \.isLarge) }
    hub.order(Fault(.cdn, .none, times: heads), Fault(.cdn, .hold(after: 2_000), times: nil))
    let pull = try Support.Program.start(
      Support.Program.path, ["pull", "org/model", "--all"],
      environment: environment.merging(["HF_HUB_DOWNLOAD_TIMEOUT": "3600"]) { $1 })
    try waitUntil { hub.heldCount > 0 }
    for arguments in [["gc", "--now"], ["gc", "--now", "--dry-run"], ["rm", "present", "--now"]] {
      let run = try Support.Program.run(arguments, environment: environment)
      #expect(run.status == 7, "\(arguments): \(run.errors)")
    }
    kill(pull, SIGKILL)
    Support.Program.ended(pull)
    // The time of grace keeps what the pull has finished; the next one goes on with it.
    let parts = try Files.list("\(rig.folder.path)/store/parts")
    let blobs = try Files.list("\(rig.folder.path)/store/blobs/sha256")
    try rig.succeed("gc")
    #expect(try Files.list("\(rig.folder.path)/store/parts") == parts)
    #expect(try Files.list("\(rig.folder.path)/store/blobs/sha256") == blobs)
    hub.state.withLock { $0.faults = [] }
    try rig.succeed("pull", "org/model", environment: ["HF_ENDPOINT": hub.endpoint])
    try rig.succeed("verify")
    #expect(try JSONReader.parse(try rig.succeed("gc", "--json"))["blobs"] == 0)
  }
}

@Suite struct CompletionTests {
  /// What bash would offer for a line, its words split as bash splits them at colons.
  private func offers(_ line: String, _ rig: StoreCommandTests.Rig) throws -> [String] {
    let script = """
      source '\(Fixtures.project("completions/impetus.bash"))'
      COMP_WORDBREAKS=$' \\t\\n:' COMP_LINE="$1" COMP_POINT=${#1}
      read -ra COMP_WORDS <<< "${1//:/ : }"
      [[ $1 == *[' :'] ]] && COMP_WORDS+=("")
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      _impetus_with_colons impetus "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2> /dev/null
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let run = try Support.Program.run(
      ["-c", script, "bash", line], of: "/bin/bash",
      environment: [
        "IMPETUS_HOME": "\(rig.folder.path)/store", "HOME": rig.folder.path,
        "PATH": "\(Files.parent(of: Support.Program.path)):\(Support.Program.searchPath)",
      ])
    return run.output.split(whereSeparator: { $0.isWhitespace }).map(String.init)
  }

  @Test("bash completes names of models, through the colon too, and those of the trash where they are meant")
  func bash() throws {
    let rig = try StoreCommandTests.Rig()
    try rig.succeed("import", Fixtures.url("models/llama"), "--name", "org/tiny")
    try rig.succeed("tag", "org/tiny", ":q4")
    try rig.succeed("tag", "org/tiny", ":q8")
    try rig.succeed("tag", "org/tiny", "gone")
    try rig.succeed("rm", "gone")
    #expect(try offers("impetus show o", rig) == ["org/tiny", "org/tiny:q4", "org/tiny:q8"])
    #expect(try offers("impetus diff org/tiny org/tiny:q", rig) == ["q4", "q8"])
    #expect(try offers("impetus tag org/tiny:", rig).contains("q8"))
    #expect(try offers("impetus restore ", rig).contains("gone"))
    #expect(try !offers("impetus show ", rig).contains("gone"))
  }
}

@Suite struct InterruptedUpkeepTests {
  @Test("killed at any point, naming, removing, restoring and collecting lose no model that has a name")
  func killed() throws {
    let rig = try StoreCommandTests.Rig()
    let environment = ["IMPETUS_HOME": "\(rig.folder.path)/store", "HOME": rig.folder.path]
    try rig.succeed("import", Fixtures.url("models/llama"), "--name", "kept")
    try rig.succeed("import", Fixtures.url("models/qwen2-tied"), "--name", "other")
    let commands = [
      ["tag", "kept", "second", "--force"], ["tag", "other", "second", "--force"], ["rm", "second"],
      ["restore", "second", "--force"], ["gc", "--now"], ["rm", "second", "--now"],
    ]
    for step in 0..<30 {
      try Support.Program.killed(
        commands[step % commands.count], after: UInt32(1000 + step * 700), environment: environment)
      let names = try rig.succeed("list", "--quiet").split(separator: "\n")
      #expect(names.contains("kept") && names.contains("other"))
      let verified = try rig.run("verify")
      #expect(verified.status == 0, "\(commands[step % commands.count]): \(verified.output)")
      if step % commands.count == commands.count - 1 { _ = try rig.run("tag", "kept", "second", "--force") }
    }
    try rig.succeed("gc", "--now")
    try rig.succeed("verify")
  }
}
