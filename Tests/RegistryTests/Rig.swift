// SPDX-License-Identifier: Apache-2.0
// What the tests of registries share: a loopback registry, an impatient client, contents in files.

import Basics
import Hub
import Registry
import Support
import Synchronization

/// One registry, one folder.
struct Rig {
  let registry: LoopbackRegistry
  let folder: TemporaryFolder

  init() throws {
    registry = try LoopbackRegistry()
    folder = try TemporaryFolder("impetus-registry")
  }

  /// Settings with short patience and small pieces.
  func settings(_ environment: [String: String] = [:]) throws -> RegistrySettings {
    var settings = RegistrySettings(
      network: NetworkSettings(),
      credentials: try CredentialSearch.find(
        RegistryAddress("oci://\(registry.host)/org/model"), environment: environment))
    settings.chunkByteCount = 64 << 10
    settings.retry = RetryPolicy(
      attempts: 4, base: .milliseconds(5), longest: .milliseconds(20), longestWait: .seconds(5), margin: .zero)
    settings.questionPatience = Patience(connect: .seconds(5), stall: .seconds(10), deadline: .seconds(30))
    settings.bytePatience = Patience(connect: .seconds(5), stall: .seconds(10))
    settings.commitPatience = settings.bytePatience
    return settings
  }

  func client(
    _ environment: [String: String] = [:], repository: String = "org/model", sources: [String] = []
  ) throws -> RegistryClient {
    try RegistryClient(
      RegistryAddress("oci://\(registry.host)/\(repository)"), settings(environment), pushes: true, sources: sources)
  }

  /// A content in a file.
  func blob(_ byteCount: Int, seed: UInt64 = 1) throws -> Blob {
    let bytes = LoopbackFile.noise(byteCount, seed: seed)
    let digest = Digest.of(bytes)
    return Blob(
      digest: digest, byteCount: byteCount, path: try folder.write(bytes, to: digest.hex), place: "blob \(seed)")
  }

  /// Whether the repository has the blob with its bytes.
  func has(_ blob: Blob, in repository: String = "org/model") -> Bool {
    registry.state.withLock {
      $0.blobs[repository]?.contains(blob.digest) == true && $0.contents[blob.digest]?.count == blob.byteCount
    }
  }

  static let password = ["IMPETUS_REGISTRY_USER": "me", "IMPETUS_REGISTRY_PASSWORD": "secret"]
}

/// The problem that something ends with.
func problem(_ body: () async throws -> Void) async -> RegistryProblem? {
  do {
    try await body()
    return nil
  } catch {
    return error as? RegistryProblem
  }
}
