// SPDX-License-Identifier: Apache-2.0
// Policies: what they forbid is neither pulled nor run, under whatever name.

import Basics
import Support
import Synchronization
import Testing

@Suite struct PolicyCommandTests {
  private typealias Rig = StoreCommandTests.Rig

  private static let llama = Fixtures.url("models/llama")

  private static func hub() throws -> LoopbackHub {
    let names = try Files.list(llama).filter { Files.isFile("\(llama)/\($0)") }
    let hub = try LoopbackHub(
      try names.map { LoopbackFile($0, try Files.read("\(llama)/\($0)"), isLarge: $0.hasSuffix(".safetensors")) }
        + [LoopbackFile.large("pytorch_model.bin", byteCount: 1000)])
    hub.state.withLock { $0.license = "apache-2.0" }
    return hub
  }

  @Test(
    "each rule stops a pull and a run, with its name as code",
    arguments: [
      (#"{"licenses":["mit","cc-by-*"]}"#, "policy.licenses"), (#"{"organizations":["qwen"]}"#, "policy.organizations"),
      (#"{"mirrors":["https://huggingface.co"]}"#, "policy.mirrors"),
      (#"{"formats":["gguf"]}"#, "policy.formats"),
    ])
  func rules(policy: String, code: String) throws {
    let hub = try Self.hub()
    defer { hub.stop() }
    let rig = try Rig()
    let path = try rig.folder.write(policy, to: "policy.json")
    let free = ["HF_ENDPOINT": hub.endpoint]
    let bound = ["HF_ENDPOINT": hub.endpoint, "IMPETUS_POLICY": path]
    let refused = try rig.run("pull", "org/model", "--json", environment: bound)
    #expect(refused.status == 4)
    #expect(
      try JSONReader.parse(Array(refused.errors.utf8.split(separator: 10).last ?? []))["error"]?["code"]
        == .string(code))
    #expect(hub.records.filter { $0.place == .cdn || $0.place == .resolve }.isEmpty)
    try rig.succeed("pull", "org/model", environment: free)
    // Another name does not help: the manifest says where it is from.
    try rig.succeed("tag", "org/model", "qwen/model")
    for name in ["org/model", "qwen/model"] {
      let run = try rig.run("run", name, "hello", environment: bound)
      #expect(run.status == 4, "\(run.errors)")
      #expect(run.errors.contains("is forbidden by \(path)"))
    }
    // What only looks is not forbidden.
    try rig.succeed("show", "org/model", environment: bound)
  }

  @Test("what all rules allow goes through, at a commit too, and pickles only where they are allowed") func allowed()
    throws
  {
    let hub = try Self.hub()
    defer { hub.stop() }
    let rig = try Rig()
    let policy =
      #"{"licenses":["Apache-*"],"organizations":["ORG"],"formats":["safetensors"],"mirrors":["\#(hub.endpoint)/"]}"#
    let environment = ["HF_ENDPOINT": hub.endpoint, "IMPETUS_POLICY": try rig.folder.write(policy, to: "policy.json")]
    try rig.succeed(
      "pull", "org/model", "--revision", hub.state.withLock { $0.commit }, environment: environment)
    let refused = try rig.run("pull", "org/model", "--all", environment: environment)
    #expect(refused.status == 4)
    #expect(refused.errors.contains("pytorch_model.bin is pickle"))
    try rig.succeed("run", "org/model", "a", "--raw", "--max-tokens", "1", environment: environment)
  }

  @Test("models of no hub have to be allowed as local ones, with an unknown licence") func local() throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    func status(_ policy: String) throws -> Int32 {
      let path = try rig.folder.write(policy, to: "policy.json")
      return try rig.run("run", "org/tiny", "a", "--raw", "--max-tokens", "1", environment: ["IMPETUS_POLICY": path])
        .status
    }
    #expect(try status(#"{"organizations":["org"]}"#) == 4)
    #expect(try status(#"{"organizations":["local"]}"#) == 0)
    #expect(try status(#"{"licenses":["mit"]}"#) == 4)
    #expect(try status(#"{"licenses":["unknown"]}"#) == 0)
  }

  @Test("what may not be run is not imported or adopted either, and leaves nothing behind") func imports() throws {
    let rig = try Rig()
    func bound(_ policy: String) throws -> [String: String] {
      ["IMPETUS_POLICY": try rig.folder.write(policy, to: "policy.json")]
    }
    let gguf = "\(rig.folder.path)/m.gguf"
    try AtomicFile.write(Array("GGUF".utf8), to: gguf)
    try rig.succeed("import", Self.llama, "--name", "org/tiny")
    let archive = "\(rig.folder.path)/a.tar"
    try rig.succeed("export", "org/tiny", "--output", archive)
    try rig.succeed("rm", "org/tiny", "--now")
    for (policy, path) in [
      (#"{"organizations":["org"]}"#, Self.llama), (#"{"licenses":["mit"]}"#, Self.llama),
      (#"{"organizations":["org"]}"#, archive), (#"{"formats":["safetensors"]}"#, gguf),
    ] {
      let run = try rig.run("import", path, "--name", "org/model", environment: try bound(policy))
      #expect(run.status == 4 && run.errors.contains("policy.json"), "\(path): \(run.errors)")
      #expect(try rig.succeed("list", "--quiet") == "")
    }
    try Files.makeFolders("\(rig.folder.path)/models")
    try Files.link("\(rig.folder.path)/models/llama", to: Self.llama)
    let adopted = try JSONReader.parse(
      try rig.succeed(
        "adopt", "\(rig.folder.path)/models", "--json", environment: try bound(#"{"organizations":["qwen"]}"#)))
    let models = adopted["models"]?.arrayValue ?? []
    #expect(!models.isEmpty && models.allSatisfy { $0["action"] == "leave" })
    #expect(models.contains { $0["reason"]?.stringValue?.contains("policy.json") == true })
    try rig.succeed(
      "import", archive, environment: try bound(#"{"organizations":["local"],"formats":["safetensors"]}"#))
  }

  @Test(
    "a policy that cannot be read allows nothing", arguments: ["", "[]", #"{"licences":[]}"#, #"{"formats":"gguf"}"#])
  func unreadable(text: String) throws {
    let rig = try Rig()
    try rig.succeed("import", Self.llama, "--name", "tiny")
    let environment = ["IMPETUS_POLICY": try rig.folder.write(text, to: "policy.json")]
    #expect(try rig.run("run", "tiny", "a", environment: environment).status == 64)
    #expect(try rig.run("run", "tiny", "a", environment: ["IMPETUS_POLICY": "/nonexistent"]).status == 64)
    // The user's own file holds without being named.
    try rig.folder.write(text, to: ".config/impetus/policy.json")
    #expect(try rig.run("run", "tiny", "a").status == 64)
  }
}
