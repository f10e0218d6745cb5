// SPDX-License-Identifier: Apache-2.0
// Challenges and what answers them: passwords, tokens, tokens that end too soon, and no secret where it does not belong.

import Basics
import Hub
import Registry
import Support
import Synchronization
import Testing

@Suite struct AccessTests {
  @Test(
    "a challenge is answered by password or token",
    arguments: [
      LoopbackRegistry.Access.basic(user: "me", password: "secret"), .token(user: "me", password: "secret"),
      .token(user: nil, password: nil),
    ])
  func answered(access: LoopbackRegistry.Access) async throws {
    let rig = try Rig()
    rig.registry.state.withLock { $0.access = access }
    let blob = try rig.blob(200_000)
    #expect(try await rig.client(Rig.password).bring(blob) == .uploaded)
    #expect(rig.has(blob))
    let tokens = rig.registry.records("GET", "/token")
    #expect(tokens.count == (access == .basic(user: "me", password: "secret") ? 0 : 1))
    if let token = tokens.first {
      #expect(token.queryValue("scope") == "repository%3Aorg%2Fmodel%3Apull%2Cpush")
      #expect(token.queryValue("service") == "loop%2C%20back")
    }
    rig.registry.stop()
  }

  @Test("a token that ends in the middle is renewed, once for all that wait")
  func renewal() async throws {
    let rig = try Rig()
    rig.registry.state.withLock {
      $0.access = .token(user: "me", password: "secret")
      $0.tokenUses = 3
    }
    let blob = try rig.blob(512 << 10)
    #expect(try await rig.client(Rig.password).bring(blob) == .uploaded)
    #expect(rig.has(blob))
    #expect(rig.registry.records("GET", "/token").count > 2)
    rig.registry.stop()
  }

  @Test("an identity token is exchanged in the body, not in an address")
  func identityToken() async throws {
    let rig = try Rig()
    rig.registry.state.withLock { $0.access = .token(user: "me", password: "refresh") }
    let path = try rig.folder.write(
      "{\"auths\":{\"\(rig.registry.host)\":{\"identitytoken\":\"refresh\"}}}", to: "auth.json")
    let blob = try rig.blob(10)
    #expect(try await rig.client(["REGISTRY_AUTH_FILE": path]).bring(blob) == .uploaded)
    let asked = try #require(rig.registry.records("POST", "/token").first)
    #expect(!asked.target.contains("refresh") && asked.headers["authorization"] == nil)
    rig.registry.stop()
  }

  @Test("missing and wrong credentials say so, with the exit code of access")
  func refused() async throws {
    for access in [
      LoopbackRegistry.Access.basic(user: "me", password: "other"), .token(user: "me", password: "other"),
    ] {
      let rig = try Rig()
      rig.registry.state.withLock { $0.access = access }
      let blob = try rig.blob(10)
      for environment in [[:], Rig.password] {
        let found = await problem { _ = try await rig.client(environment).bring(blob) }
        #expect(found?.status == .auth)
        #expect(found?.code == (environment.isEmpty ? "registry.credentials-needed" : "registry.credentials-refused"))
        #expect(found?.description.contains("secret") == false)
      }
      #expect(rig.registry.records("HEAD").count <= 6)
      rig.registry.stop()
    }
  }

  @Test("a token server in trouble is asked again")
  func tokenTrouble() async throws {
    let rig = try Rig()
    rig.registry.state.withLock {
      $0.access = .token(user: nil, password: nil)
      $0.faults = [RegistryFault(.token, .status(503))]
    }
    #expect(try await rig.client().bring(rig.blob(10)) == .uploaded)
    rig.registry.stop()
  }

  @Test("credentials go to the registry alone, not to where it redirects")
  func redirect() async throws {
    let (rig, store) = (try Rig(), try LoopbackHub([]))
    let bytes = LoopbackFile.noise(100_000, seed: 3)
    let digest = rig.registry.add(bytes, to: "org/model")
    store.state.withLock { $0.files = [LoopbackFile("x", bytes, isLarge: true)] }
    rig.registry.state.withLock {
      $0.access = .token(user: "me", password: "secret")
      $0.redirect = "http://127.0.0.1:\(store.ports.cdn)/blob/"
    }
    try await download(rig, [(digest, bytes.count)], Rig.password)
    #expect(!store.records.isEmpty)
    #expect(store.records.allSatisfy { $0.request.headers["authorization"] == nil })
    store.stop()
    rig.registry.stop()
  }
}

/// Fetches blobs into the rig's folder and returns the digests that came.
@discardableResult
func download(
  _ rig: Rig, _ blobs: [(Digest, Int)], _ environment: [String: String] = [:]
) async throws -> [Digest] {
  let folder = "\(rig.folder.path)/parts"
  try Files.makeFolders(folder)
  let files = try blobs.map {
    RepoFile(path: try RepoPath($0.0.hex), byteCount: $0.1, identity: .sha256($0.0))
  }
  var options = DownloadOptions(connections: 4)
  options.blockByteCount = 16 << 10
  options.rangeByteCounts = (32 << 10)...(64 << 10)
  let transfer = try rig.client(environment).download(files, into: folder, options: options) { _ in }
  let arrived = Arrived()
  try await transfer.run { file in
    arrived.add(file.digest)
    try Files.remove(file.path)
  }
  return arrived.digests
}
