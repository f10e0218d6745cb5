// SPDX-License-Identifier: Apache-2.0
// Stores of several users, stores that may only be read, and several stores at once.

import Basics
import Glibc
import Support
import Synchronization
import Testing

@Suite struct SharedStoreTests {
  private typealias Rig = StoreCommandTests.Rig

  private static let llama = Fixtures.url("models/llama")

  /// Runs the program after a shell has done something, with the rights of nobody where the test itself is root.
  private func run(_ setting: String, _ arguments: [String], home: String, asNobody: Bool = false) throws
    -> Support.Program.Run
  {
    let words = ([Support.Program.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
    let user = asNobody && geteuid() == 0 ? "setpriv --reuid 65534 --regid 65534 --groups 4242 " : ""
    return try Support.Program.run(
      ["-c", "\(setting); exec \(user)\(words)"], of: "/bin/sh",
      environment: ["IMPETUS_HOME": "\(home)/store", "HOME": home, "PATH": Support.Program.searchPath])
  }

  private func all(below path: String) throws -> [(path: String, facts: Files.Facts)] {
    try Files.list(path).flatMap { name -> [(path: String, facts: Files.Facts)] in
      let full = "\(path)/\(name)"
      let own = Files.facts(full).map { [(full, $0)] } ?? []
      return Files.kind(full) == .folder ? own + (try all(below: full)) : own
    }
  }

  @Test(
    "in a folder that its group may write to, everything is for the group, whatever the umask",
    arguments: ["077", "022"])
  func groupWritable(mask: String) throws {
    let folder = try TemporaryFolder("impetus-shared")
    let store = "\(folder.path)/store"
    try Files.makeFolders(store)
    chmod(store, 0o2775)
    let made = try run("umask \(mask)", ["import", Self.llama, "--name", "org/tiny"], home: folder.path)
    #expect(made.status == 0, "\(made.errors)")
    for (path, facts) in try all(below: store) {
      switch Files.kind(path) {
      case .folder: #expect(facts.mode & 0o2770 == 0o2770, "\(path) \(String(facts.mode, radix: 8))")
      case .file where path.contains("/blobs/"): #expect(facts.mode == 0o444, "\(path)")
      case .file: #expect(facts.mode & 0o660 == 0o660, "\(path) \(String(facts.mode, radix: 8))")
      default: break
      }
    }
  }

  @Test("a folder that is one's own stays closed to writing by others", arguments: ["000", "077"])
  func private_(mask: String) throws {
    let folder = try TemporaryFolder("impetus-private")
    let made = try run("umask \(mask)", ["import", Self.llama, "--name", "org/tiny"], home: folder.path)
    #expect(made.status == 0, "\(made.errors)")
    for (path, facts) in try all(below: "\(folder.path)/store") where Files.kind(path) != .link {
      #expect(facts.mode & 0o022 == 0, "\(path) \(String(facts.mode, radix: 8))")
      if mask == "077", Files.kind(path) == .folder { #expect(facts.mode & 0o077 == 0, "\(path)") }
    }
  }

  @Test("another user of the group adds, names, removes and collects", .enabled(if: geteuid() == 0)) func secondUser()
    throws
  {
    let folder = try TemporaryFolder("impetus-shared")
    let store = "\(folder.path)/store"
    try Files.makeFolders(store)
    chown(store, 0, 4242)
    chmod(store, 0o2775)
    #expect(try run("umask 077", ["import", Self.llama, "--name", "org/tiny"], home: folder.path).status == 0)
    for arguments in [
      ["verify"], ["import", Fixtures.url("models/qwen2-tied"), "--name", "second"], ["tag", "org/tiny", "mine"],
      ["rm", "org/tiny"], ["restore", "org/tiny"], ["rm", "second", "--now"], ["gc", "--now"], ["verify"],
    ] {
      let run = try run("umask 077", arguments, home: folder.path, asNobody: true)
      #expect(run.status == 0, "\(arguments): \(run.errors)")
    }
    #expect(try run("true", ["verify"], home: folder.path).status == 0)
  }

  @Test(
    "another user goes on with an interrupted pull, and what comes of it is closed to writing",
    .enabled(if: geteuid() == 0))
  func interruptedPull() throws {
    let folder = try TemporaryFolder("impetus-shared")
    let store = "\(folder.path)/store"
    try Files.makeFolders(store)
    chown(store, 0, 4242)
    chmod(store, 0o2775)
    let hub = try LoopbackHub([
      LoopbackFile("config.json", "{}"), LoopbackFile.large("model.safetensors", byteCount: 3 << 20),
    ])
    defer { hub.stop() }
    hub.order(Fault(.cdn, .hold(after: 2 << 20), times: nil))
    // The first user's process is killed in the middle of the file.
    let pull = try Support.Program.start(
      "/bin/bash", ["-c", "umask 077; exec '\(Support.Program.path)' pull org/model --endpoint \(hub.endpoint)"],
      environment: ["IMPETUS_HOME": store, "HOME": folder.path, "PATH": Support.Program.searchPath])
    try waitUntil { hub.heldCount > 0 }
    kill(pull, SIGKILL)
    Support.Program.ended(pull)
    #expect(try !Files.list("\(store)/parts").isEmpty)
    hub.state.withLock { $0.faults = [] }
    let second = try run(
      "umask 077", ["pull", "org/model", "--endpoint", hub.endpoint], home: folder.path, asNobody: true)
    #expect(second.status == 0, "\(second.errors)")
    for (path, facts) in try all(below: "\(store)/blobs/sha256") { #expect(facts.mode == 0o444, "\(path)") }
    #expect(try Files.list("\(store)/parts").filter { $0.hasSuffix(".part") }.isEmpty)
  }

  @Test("a pull takes from other stores what they have, verified, and fetches the rest", arguments: [false, true])
  func neighbours(isDamaged: Bool) throws {
    let folder = try TemporaryFolder("impetus-neighbours")
    let weights = LoopbackFile.tiled("weights.bin", byteCount: 10 << 20)
    let hub = try LoopbackHub([LoopbackFile("notes.txt", "a"), weights])
    defer { hub.stop() }
    func pull(_ store: String, _ options: String...) throws -> JSONValue {
      let run = try Support.Program.run(
        ["pull", "org/model", "--all", "--json"] + options,
        environment: [
          "IMPETUS_HOME": "\(folder.path)/\(store)", "IMPETUS_PATH": "\(folder.path)/first", "HOME": folder.path,
          "HF_ENDPOINT": hub.endpoint,
        ])
      #expect(run.status == 0, "\(run.errors)")
      return try JSONReader.parse(run.output)
    }
    #expect(try pull("first")["fetched_bytes"] == JSONValue(weights.content.count + 1))
    let theirs = "\(folder.path)/first/blobs/sha256/\(weights.digest.hex)"
    if isDamaged {
      try Files.makeWritable(theirs)
      try OpenFile(theirs, flags: O_RDWR).write([weights.content[5_000_000] ^ 1].span, at: 5_000_000)
    }
    let plan = try pull("second", "--dry-run")
    #expect(plan["dry_run"] == true && plan["fetch_bytes"] == 0)
    #expect(plan["other_stores_bytes"] == JSONValue(weights.content.count + 1))
    #expect(plan["files"]?.arrayValue?.map { $0["from"] } == ["other-store", "other-store"])
    #expect(try pull("second")["fetched_bytes"] == JSONValue(isDamaged ? weights.content.count : 0))
    let own = "\(folder.path)/second/blobs/sha256/\(weights.digest.hex)"
    #expect(try Files.read(own) == weights.content)
    // What was taken can be repaired by its stretches like what was fetched.
    #expect(Files.isFile("\(folder.path)/second/known/ledger/\(weights.digest.hex)"))
  }

  @Test("a store that may only be read serves everything that only reads, and says so to the rest") func readOnly()
    throws
  {
    let folder = try TemporaryFolder("impetus-readonly")
    #expect(try run("true", ["import", Self.llama, "--name", "org/tiny"], home: folder.path).status == 0)
    #expect(
      try run("true", ["quantize", "org/tiny", "--group-size", "32", "--name", ":q"], home: folder.path).status == 0)
    let store = "\(folder.path)/store"
    let before = try all(below: store).map { "\($0.path) \($0.facts.changed)" }
    func lock(_ isLocked: Bool) throws {
      for (path, _) in try all(below: store) where Files.kind(path) == .folder { chmod(path, isLocked ? 0o555 : 0o755) }
      chmod(store, isLocked ? 0o555 : 0o755)
      for name in ["lock", "refs.lock"] { chmod("\(store)/\(name)", isLocked ? 0o444 : 0o644) }
    }
    try lock(true)
    defer { try? lock(false) }
    chmod(folder.path, 0o777)
    for arguments in [
      ["list"], ["show", "org/tiny"], ["path", "org/tiny"], ["verify"], ["du"], ["doctor", "--offline"],
      ["diff", "org/tiny", "org/tiny"], ["export", "org/tiny:q", "--output", "\(folder.path)/a.tar"],
      ["lock", "--output", "-"], ["run", "org/tiny:q", "a", "--raw", "--max-tokens", "2"],
      ["tokenize", "org/tiny", "a"],
    ] {
      let run = try run("true", arguments, home: folder.path, asNobody: true)
      #expect(run.status == 0, "\(arguments): \(run.errors)")
    }
    for arguments in [
      ["import", Self.llama, "--name", "x"], ["tag", "org/tiny", "x"], ["rm", "org/tiny"], ["gc"],
      ["quantize", "org/tiny", "--bits", "8", "--group-size", "32"],
    ] {
      let run = try run("true", arguments, home: folder.path, asNobody: true)
      #expect(run.status == 1, "\(arguments): \(run.errors)")
      #expect(run.errors.contains("can only be read"), "\(arguments): \(run.errors)")
    }
    try lock(false)
    let after = try all(below: store).map { "\($0.path) \($0.facts.changed)" }
    #expect(after.map { $0.split(separator: " ")[0] } == before.map { $0.split(separator: " ")[0] })
  }

  @Test("further stores are searched after one's own, and results go into one's own") func searchPath() throws {
    let (mine, shared) = (try Rig(), try Rig())
    try shared.succeed("import", Self.llama, "--name", "org/tiny")
    try shared.succeed("import", Fixtures.url("models/qwen2-tied"), "--name", "org/other")
    try mine.succeed("import", Self.llama, "--name", "org/mine")
    let path = ["IMPETUS_PATH": "/nonexistent:\(shared.folder.path)/store"]
    #expect(try mine.succeed("list", "--quiet", environment: path) == "org/mine\norg/other\norg/tiny\n")
    #expect(try mine.succeed("list", "--quiet") == "org/mine\n")
    let own = ["list", "--quiet", "--store", "\(mine.folder.path)/store"]
    #expect(try Support.Program.run(own, environment: path).output == "org/mine\n")
    try mine.succeed("verify", "org/tiny", environment: path)
    try mine.succeed("run", "tiny", "a", "--raw", "--max-tokens", "1", environment: path)
    let made = try JSONReader.parse(
      try mine.succeed("quantize", "org/tiny", "--group-size", "32", "--name", ":q", "--json", environment: path))
    #expect(try mine.succeed("list", "--quiet") == "org/mine\norg/tiny:q\n")
    #expect(made["name"] == "org/tiny:q")
    let again = try mine.run("verify", "org/tiny:q", "--rebuild", environment: path)
    #expect(again.status == 0, "\(again.output)")
    #expect(try mine.run("verify", "org/tiny:q", "--rebuild").status == 3)
    // A whole name in the other store wins over the beginning of one's own.
    try mine.succeed("tag", "org/mine", "otherwise")
    #expect(try mine.succeed("path", "other", environment: path).hasPrefix(shared.folder.path))
    try mine.succeed("cp", "org/other", environment: path)
    #expect(try mine.succeed("path", "org/other", environment: path).hasPrefix(mine.folder.path))
    // Nothing of it is removed or changed.
    #expect(try mine.run("rm", "org/tiny", environment: path).status == 3)
    #expect(try shared.succeed("list", "--quiet") == "org/other\norg/tiny\n")
  }
}
