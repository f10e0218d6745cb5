// SPDX-License-Identifier: Apache-2.0
// `push` and `pull oci://` through the program: against the loopback registry, and against a real one with another
// client beside it, where Debian's docker-registry and skopeo are installed.

import Basics
import Glibc
import Support
import Synchronization
import Testing

@Suite struct RegistryCommandTests {
  private static let llama = Fixtures.url("models/llama")
  static let registryPath = "/usr/bin/docker-registry"
  static let skopeoPath = "/usr/bin/skopeo"
  static var hasPeers: Bool { Files.isFile(registryPath) && Files.isFile(skopeoPath) }

  @Test("push, push again, pull elsewhere, with a password that shows nowhere") func tour() throws {
    let (here, there, registry) = (try StoreCommandTests.Rig(), try StoreCommandTests.Rig(), try LoopbackRegistry())
    registry.state.withLock { $0.access = .token(user: "me", password: "hunter2") }
    let address = "oci://\(registry.host)/org/tiny"
    try here.succeed("import", Self.llama, "--name", "Org/Tiny")
    let refused = try here.run("push", "tiny", address, "--json")
    #expect(refused.status == 4)
    #expect(try JSONReader.parse(refused.errors.split(separator: "\n").last.map(String.init) ?? "")["error"] != .null)
    let auth = Base64.encode(Array("me:hunter2".utf8))
    for rig in [here, there] {
      try rig.folder.write("{\"auths\":{\"\(registry.host)\":{\"auth\":\"\(auth)\"}}}", to: ".docker/config.json")
    }
    let pushed = try here.run("push", "tiny", address, "--json")
    #expect(pushed.status == 0, "\(pushed.errors)")
    #expect(!(pushed.errors + pushed.output).contains("hunter2"))
    let again = try JSONReader.parse(try here.succeed("push", "tiny", address, "--json"))
    #expect(again["uploaded_bytes"] == 0)
    let pulled = try JSONReader.parse(try there.succeed("pull", "\(address):main", "--json"))
    #expect(pulled["name"] == "Org/Tiny")
    #expect(pulled["digest"] == again["digest"])
    try there.succeed("verify")
    #expect(try there.run("pull", "\(address):none").status == 3)
    #expect(try there.run("pull", "\(address):main", "--revision", "x").status == 64)
    #expect(try there.run("pull", "oci://nowhere").status == 64)
    registry.stop()
  }

  @Test("a real registry and another client agree with us", .enabled(if: hasPeers)) func peers() throws {
    let (here, there) = (try StoreCommandTests.Rig(), try StoreCommandTests.Rig())
    let registry = try DockerRegistry(folder: here.folder.path)
    let address = "\(registry.host)/org/tiny"
    try here.succeed("import", Self.llama, "--name", "org/tiny")
    let pushed = try JSONReader.parse(try here.succeed("push", "tiny", "oci://\(address):main", "--json"))
    #expect(pushed["uploaded"] == 7)
    let mounted = try here.succeed("push", "tiny", "oci://\(registry.host)/other:x", "--mount", "org/tiny", "--json")
    #expect(try JSONReader.parse(mounted)["mounted"] == 7)

    // skopeo reads what we pushed, and copies it; we read the copy.
    let digest = pushed["digest"]?.stringValue ?? ""
    let raw = try Self.skopeo("inspect", "--tls-verify=false", "--raw", "docker://\(address):main")
    #expect(Digest.of(Array(raw.utf8)).description == digest)
    try Self.skopeo(
      "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://\(address):main",
      "docker://\(registry.host)/copied:x")
    let pulled = try JSONReader.parse(try there.succeed("pull", "oci://\(registry.host)/copied:x", "--json"))
    #expect(pulled["digest"]?.stringValue == digest)

    // skopeo reads the store itself and an export of it, and what it writes comes back through import.
    let layout = "\(here.folder.path)/copy"
    try Self.skopeo("copy", "oci:\(here.folder.path)/store:org/tiny:main", "oci:\(layout):org/tiny:main")
    try there.succeed("rm", "copied:x")
    try there.succeed("import", layout)
    try here.succeed("export", "tiny", "--output", "\(here.folder.path)/tiny.tar")
    let exported = try Self.skopeo("inspect", "--raw", "oci-archive:\(here.folder.path)/tiny.tar:org/tiny:main")
    #expect(Digest.of(Array(exported.utf8)).description == digest)
    try Self.skopeo(
      "copy", "--dest-tls-verify=false", "oci-archive:\(here.folder.path)/tiny.tar:org/tiny:main",
      "docker://\(registry.host)/archived:x")
    let archived = try there.succeed("pull", "oci://\(registry.host)/archived:x", "--json")
    #expect(try JSONReader.parse(archived)["digest"]?.stringValue == digest)
    try there.succeed("verify")
  }

  @Test("a real registry's password is shown to it, and asked for", .enabled(if: hasPeers)) func password() throws {
    let here = try StoreCommandTests.Rig()
    // me:secret, by bcrypt.
    let hash = "me:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"
    let file = try here.folder.write(hash, to: "htpasswd")
    let registry = try DockerRegistry(
      folder: here.folder.path, access: "auth: {htpasswd: {realm: test, path: \(file)}}")
    let address = "oci://\(registry.host)/org/tiny:x"
    try here.succeed("import", Self.llama, "--name", "org/tiny")
    #expect(try here.run("push", "tiny", address).status == 4)
    var variables = ["IMPETUS_REGISTRY_USER": "me", "IMPETUS_REGISTRY_PASSWORD": "wrong"]
    #expect(try here.run("push", "tiny", address, environment: variables).status == 4)
    variables["IMPETUS_REGISTRY_PASSWORD"] = "secret"
    try here.succeed("push", "tiny", address, environment: variables)
    try here.succeed("pull", address, "--name", "again", environment: variables)
  }

  /// Runs skopeo and expects success.
  @discardableResult
  static func skopeo(_ arguments: String...) throws -> String {
    let run = try Support.Program.run(
      ["--insecure-policy"] + arguments, of: skopeoPath, environment: ["HOME": "/nonexistent", "PATH": "/usr/bin"])
    #expect(run.status == 0, "skopeo \(arguments.joined(separator: " ")): \(run.errors)")
    return run.output
  }
}

/// Debian's registry on a free port, as long as the value lives.
final class DockerRegistry {
  let host: String
  private let process: pid_t

  /// - Parameter access: lines of the registry's configuration.
  init(folder: String, access: String = "") throws {
    // A port that was free a moment ago.
    let probe = try HTTPServer { _, _ in false }
    host = "127.0.0.1:\(probe.port)"
    probe.stop()
    let text = """
      version: 0.1
      log: {level: error, accesslog: {disabled: true}}
      storage: {filesystem: {rootdirectory: \(folder)/registry}}
      http: {addr: \(host)}
      \(access)
      """
    try AtomicFile.write(Array(text.utf8), to: "\(folder)/registry.yml")
    process = try Support.Program.start(RegistryCommandTests.registryPath, ["serve", "\(folder)/registry.yml"])
    try waitUntil { [host] in Self.answers(host) }
  }

  deinit {
    kill(process, SIGKILL)
    Support.Program.ended(process)
  }

  private static func answers(_ host: String) -> Bool {
    let port = UInt16(host.split(separator: ":").last ?? "") ?? 0
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
