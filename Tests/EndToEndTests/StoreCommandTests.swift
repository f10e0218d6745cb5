// SPDX-License-Identifier: Apache-2.0
// The commands about models, as a user types them, on tiny models and a store of their own.

import Basics
import Glibc
import Support
import Testing

@Suite struct StoreCommandTests {
  /// A store and the program that uses it.
  struct Rig {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("impetus-e2e") }

    func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Support.Program.Run {
      var environment = environment
      environment["IMPETUS_HOME"] = "\(folder.path)/store"
      environment["HOME"] = folder.path
      return try Support.Program.run(arguments, environment: environment)
    }

    /// Runs and expects success.
    @discardableResult
    func succeed(_ arguments: String..., environment: [String: String] = [:]) throws -> String {
      var environment = environment
      environment["IMPETUS_HOME"] = "\(folder.path)/store"
      environment["HOME"] = folder.path
      let run = try Support.Program.run(arguments, environment: environment)
      #expect(run.status == 0, "\(arguments.joined(separator: " ")): \(run.errors)")
      return run.output
    }

    func blob(_ digest: String) -> String { "\(folder.path)/store/blobs/sha256/\(digest.dropFirst(7))" }
  }

  private static let llama = Fixtures.url("models/llama")

  @Test("import, list, show, path, verify, quantize, rm, restore, gc") func tour() throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    let listed = try JSONReader.parse(try rig.succeed("list", "--json"))
    #expect(listed.arrayValue?.count == 1)
    #expect(listed.arrayValue?.first?["name"] == "org/tiny")
    #expect(listed.arrayValue?.first?["architecture"] == "llama")
    #expect(try rig.succeed("list", "--quiet") == "org/tiny\n")

    try rig.succeed("quantize", "tiny", "--group-size", "32", "--name", ":small")
    let shown = try JSONReader.parse(try rig.succeed("show", "tiny:small", "--json"))
    #expect(shown["quantization"] == "affine 4 bit, groups of 32")
    #expect(shown["provenance"]?["base"] == "org/tiny:main")
    #expect(shown["supported"] == true)
    let original = try JSONReader.parse(try rig.succeed("show", "org/tiny", "--json"))
    #expect(shown["provenance"]?["base_manifest"] == original["digest"])
    #expect(shown["parameter_count"] == original["parameter_count"])

    let folder = try rig.succeed("path", "tiny").dropLast()
    #expect(try Files.read("\(folder)/config.json") == Files.read("\(Self.llama)/config.json"))
    let verified = try JSONReader.parse(try rig.succeed("verify", "--json"))
    #expect(verified["clean"] == true)
    #expect(verified["models"]?.arrayValue?.count == 2)

    try rig.succeed("rm", "org/tiny:small")
    #expect(try rig.succeed("list", "--quiet") == "org/tiny\n")
    try rig.succeed("restore", "org/tiny:small")
    #expect(try rig.succeed("list", "--quiet") == "org/tiny\norg/tiny:small\n")
    try rig.succeed("rm", "org/tiny:small", "--now")
    let collected = try JSONReader.parse(try rig.succeed("gc", "--now", "--json"))
    #expect(collected["blobs"] == 0)
    #expect(try JSONReader.parse(try rig.succeed("verify", "--json"))["clean"] == true)
  }

  @Test("quantizing twice gives the same bytes, and imports of one folder share them") func reproducible() throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "a")
    try rig.succeed("import", Self.llama, "--name", "b")
    let first = try JSONReader.parse(try rig.succeed("quantize", "a", "--group-size", "32", "--threads", "1", "--json"))
    let again = try rig.run("quantize", "a", "--group-size", "32", "--threads", "2", "--json")
    #expect(again.status == 0)
    #expect(try JSONReader.parse(again.output)["digest"] == first["digest"])
  }

  @Test("damage is found, named, and ends with code 2", arguments: ["changed", "shorter", "gone"])
  func damage(kind: String) throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "tiny")
    let files = try JSONReader.parse(try rig.succeed("show", "tiny", "--json"))["files"]?.arrayValue ?? []
    let weights = try #require(files.first { $0["path"]?.stringValue?.hasSuffix(".safetensors") == true })
    let path = rig.blob(weights["digest"]?.stringValue ?? "")
    var bytes = try Files.read(path)
    try Files.remove(path)
    if kind != "gone" {
      if kind == "changed" { bytes[bytes.count / 2] ^= 1 } else { bytes.removeLast(100) }
      try AtomicFile.write(bytes, to: path)
    }
    let verified = try rig.run("verify", "tiny")
    #expect(verified.status == 2)
    #expect(verified.output.contains(weights["path"]?.stringValue ?? "?"))
    // Importing the same files again puts it right.
    try rig.succeed("import", Self.llama, "--name", "tiny")
    try rig.succeed("verify", "tiny")
  }

  @Test("a pull brings, verifies and names a model; again it needs no byte, and offline no network") func pull() throws
  {
    let names = try Files.list(Self.llama).filter { Files.isFile("\(Self.llama)/\($0)") }
    let hub = try LoopbackHub(try names.map { LoopbackFile($0, try Files.read("\(Self.llama)/\($0)")) })
    let rig = try Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    let dry = try rig.run("pull", "org/model", "--dry-run", environment: environment)
    #expect(dry.status == 0)
    #expect(try rig.succeed("list", "--quiet") == "")
    let pulled = try JSONReader.parse(try rig.succeed("pull", "org/model", "--json", environment: environment))
    #expect(pulled["name"] == "org/model")
    #expect(pulled["revision"]?.stringValue?.count == 40)
    try rig.succeed("verify", "org/model")
    let before = hub.records.count
    try rig.succeed("pull", "org/model", environment: environment)
    #expect(hub.records.count - before == 2)  // the revision and the listing
    hub.stop()
    try rig.succeed("pull", "org/model", "--offline", environment: environment)
    #expect(try rig.run("pull", "org/other", "--offline", environment: environment).status == 5)
  }

  @Test(
    "an export comes back whole, is the same every time, and no changed byte of it is taken",
    arguments: ["tar", "tar.gz", "tar.zst"])
  func export(suffix: String) throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    try rig.succeed("quantize", "org/tiny", "--group-size", "32", "--name", ":q")
    let file = "\(rig.folder.path)/a.\(suffix)"
    try rig.succeed("export", "org/tiny", "org/tiny:q", "--output", file)
    try rig.succeed("export", "org/tiny:q", "org/tiny", "--output", "\(rig.folder.path)/b.\(suffix)")
    #expect(try Files.read(file) == Files.read("\(rig.folder.path)/b.\(suffix)"))
    #expect(try rig.run("export", "org/tiny", "--output", file).status == 1)
    let other = try Rig()
    try other.succeed("import", file)
    #expect(try other.succeed("list", "--json").contains("org/tiny:q"))
    let (one, same) = (
      try rig.succeed("show", "org/tiny:q", "--json"), try other.succeed("show", "org/tiny:q", "--json")
    )
    #expect(try JSONReader.parse(one)["digest"] == JSONReader.parse(same)["digest"])
    try other.succeed("verify")
    // The last third of the file is weights: a changed byte there must be found.
    let third = try Rig()
    var bytes = try Files.read(file)
    bytes[bytes.count * 2 / 3] ^= 0x40
    try AtomicFile.write(bytes, to: "\(third.folder.path)/changed.\(suffix)")
    #expect(try third.run("import", "\(third.folder.path)/changed.\(suffix)").status == 2)
    #expect(try third.succeed("list", "--quiet") == "")
  }

  @Test("an export goes through a pipe") func pipe() throws {
    let (rig, other) = (try Rig(), try Rig())
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    let program = Support.Program.path
    let script = "\(program) export org/tiny --output - | IMPETUS_HOME=$OTHER \(program) import -"
    let run = try Support.Program.run(
      ["-c", script], of: "/bin/sh",
      environment: [
        "IMPETUS_HOME": "\(rig.folder.path)/store", "OTHER": "\(other.folder.path)/store", "HOME": rig.folder.path,
      ])
    #expect(run.status == 0, "\(run.errors)")
    try other.succeed("verify", "org/tiny")
  }

  @Test("repair fetches the damaged file only, and makes quantized ones again to the same bits") func repair() throws {
    let names = try Files.list(Self.llama).filter { Files.isFile("\(Self.llama)/\($0)") }
    let hub = try LoopbackHub(
      try names.map { LoopbackFile($0, try Files.read("\(Self.llama)/\($0)"), isLarge: $0.hasSuffix(".safetensors")) })
    let rig = try Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    try rig.succeed("pull", "org/model", environment: environment)
    try rig.succeed("quantize", "org/model", "--group-size", "32", "--name", ":q")
    var digests: [String] = []
    for model in ["org/model", "org/model:q"] {
      let files = try JSONReader.parse(try rig.succeed("show", model, "--json"))["files"]?.arrayValue ?? []
      let weights = files.first { $0["path"]?.stringValue?.hasSuffix(".safetensors") == true }
      digests.append(try #require(weights?["digest"]?.stringValue))
    }
    for digest in digests {
      var bytes = try Files.read(rig.blob(digest))
      bytes[bytes.count / 2] ^= 1
      try Files.remove(rig.blob(digest))
      try AtomicFile.write(bytes, to: rig.blob(digest))
    }
    #expect(try rig.run("verify").status == 2)
    let before = hub.sentByteCount(.cdn)
    try rig.succeed("repair", environment: environment)
    #expect(hub.sentByteCount(.cdn) - before == 232_176)
    try rig.succeed("verify")
    // What nobody can bring back is said, and is no success.
    try rig.succeed("import", Self.llama, "--name", "own")
    try Files.remove(rig.blob(digests[0]))
    hub.stop()
    #expect(try rig.run("repair", "own", environment: environment).status == 2)
  }

  @Test("of a large file, verify names the wrong stretch and repair fetches no more than it", arguments: [false, true])
  func repairStretch(isLinked: Bool) throws {
    let file = LoopbackFile.tiled("weights/big.bin", byteCount: 18_000_000)
    let hub = try LoopbackHub([LoopbackFile("notes.txt", "a"), file])
    let rig = try Rig()
    let environment = ["HF_ENDPOINT": hub.endpoint]
    try rig.succeed("pull", "org/model", "--all", environment: environment)
    let path = rig.blob("\(file.digest)")
    // Another name, as of a model that shares the file: its bytes must stay as they are.
    if isLinked { #expect(link(path, "\(rig.folder.path)/other") == 0) }
    try Files.makeWritable(path)
    try OpenFile(path, flags: O_RDWR).write([file.content[10_000_000] ^ 1].span, at: 10_000_000)
    let verified = try rig.run("verify", "--json")
    #expect(verified.status == 2)
    let ranges = try JSONReader.parse(verified.output)["findings"]?.arrayValue?.first?["ranges"]
    #expect(ranges == [["first_byte": 8_388_608, "last_byte": 16_777_215]])
    let before = hub.records.count
    try rig.succeed("repair", environment: environment)
    #expect(hub.asked(of: 18_000_000, from: before) == RangeSet([8 << 20..<16 << 20]))
    try rig.succeed("verify")
    if isLinked { #expect(try Files.read("\(rig.folder.path)/other")[10_000_000] == file.content[10_000_000] ^ 1) }
  }

  @Test("killed at any point, an import leaves a store that lists and verifies clean") func killed() throws {
    let rig = try Rig()
    let environment = ["IMPETUS_HOME": "\(rig.folder.path)/store", "HOME": rig.folder.path]
    try rig.succeed("import", Self.llama, "--name", "first")
    for step in 0..<25 {
      try Support.Program.killed(
        ["import", Self.llama, "--name", "second\(step)"], after: UInt32(step * 1500), environment: environment)
      let names = try rig.succeed("list", "--quiet").split(separator: "\n")
      #expect(names.contains("first"))
      try rig.succeed("verify")
    }
    try rig.succeed("gc", "--now")
    try rig.succeed("import", Self.llama, "--name", "last")
    try rig.succeed("verify")
    #expect(try Files.list("\(rig.folder.path)/store/ingest").isEmpty)
  }

  @Test("GGUF and archives with it are converted, and a wrong digest refuses them") func archives() throws {
    let rig = try Rig()
    let run = try rig.run("import", "/nonexistent.gguf")
    #expect(run.status == 3)
    try AtomicFile.write(Array("GGUF".utf8) + [3, 0, 0, 0], to: "\(rig.folder.path)/broken.gguf")
    #expect(try rig.run("import", "\(rig.folder.path)/broken.gguf").status == 2)
    try AtomicFile.write([1, 2, 3], to: "\(rig.folder.path)/noise.whl")
    #expect(try rig.run("import", "\(rig.folder.path)/noise.whl").status == 2)
    let digest = String(repeating: "0", count: 64)
    let weights = Fixtures.url("models/llama/model.safetensors")
    #expect(try rig.run("import", weights, "--expect-sha256", digest).status == 2)
    #expect(try rig.succeed("list", "--quiet") == "")
    try rig.succeed("verify")
  }

  @Test(
    "wrong words end with one clear problem",
    arguments: [
      (["show", "nothing"], 3), (["run", "no/model", "x"], 3), (["verify", "nothing"], 3), (["rm", "nothing"], 3),
      (["path", "a:b:c"], 64), (["quantize", "x", "--bits", "7"], 64), (["quantize", "x", "--group-size", "33"], 64),
      (["pull", "not a name"], 64), (["pull", "org/model", "--limit-rate", "fast"], 64), (["restore", "gone"], 3),
      (["import", "."], 3), (["gc"], 3),
    ] as [([String], Int32)])
  func failing(arguments: [String], status: Int32) throws {
    let rig = try Rig()
    let run = try Support.Program.run(
      arguments,
      environment: ["IMPETUS_HOME": "\(rig.folder.path)/store", "HOME": rig.folder.path, "HF_HUB_OFFLINE": "1"])
    #expect(run.status == status, "\(run.errors)")
    #expect(run.output.isEmpty)
    #expect(!run.errors.isEmpty)
  }
}
