// SPDX-License-Identifier: Apache-2.0
// Lock files as bytes, and policies as rules.

import Basics
import Library
import Store
import Support
import Testing

@Suite struct LockingTests {
  private static let hash = String(repeating: "ab", count: 32)

  /// A store with one model of no hub and one that names a repository.
  private func store() throws -> (folder: TemporaryFolder, store: ModelStore) {
    let folder = try TemporaryFolder("impetus-lock")
    let store = ModelStore(root: "\(folder.path)/store")
    let ingest = try Ingest(store)
    for (name, source) in [("own", "file.gguf"), ("hub", "https://hub.example/sub/org/hub")] {
      let descriptor = try ingest.add(Array("content of \(name)".utf8))
      let file = try ModelFile(path: "config.json", digest: descriptor.digest, byteCount: descriptor.byteCount)
      try ingest.publish(
        [file], as: try Reference(organization: "org", name: name),
        description: ModelDescription(
          origin: Origin(source: source, revision: String(repeating: "1", count: 40), licenses: ["mit"])),
        replaces: false)
    }
    return (folder, store)
  }

  @Test("a lock is what docs/store.md says, byte for byte, and reads back") func bytes() throws {
    let (folder, store) = try store()
    defer { withExtendedLifetime(folder) {} }
    let lock = try Locking(store: store).lock(try store.models().reversed())
    let file = try #require(lock.models.first?.files.first)
    let line = "\(file.digest.hex)  config.json\n"
    let expected = """
      {
        "version": 1,
        "models": [
          {
            "name": "org/hub:main",
            "source": {
              "endpoint": "https://hub.example/sub",
              "repository": "org/hub",
              "commit": "1111111111111111111111111111111111111111"
            },
            "licenses": [
              "mit"
            ],
            "files": [
              {
                "path": "config.json",
                "size": 14,
                "sha256": "\(Digest.of(Array("content of hub".utf8)).hex)"
              }
            ],
            "digest": "\(Digest.of(Array(line.utf8)))"
          },
      """
    let text = String(decoding: lock.bytes, as: UTF8.self)
    #expect(text.hasPrefix(expected))
    #expect(lock.models.last?.source == nil)
    #expect(try LockFile(bytes: lock.bytes, path: "x") == lock)
  }

  @Test("what is present needs nobody; what came from no hub cannot be had, and offline nothing can") func sources()
    async throws
  {
    let (folder, store) = try store()
    defer { withExtendedLifetime(folder) {} }
    let lock = try Locking(store: store).lock(try store.models())
    let present = try await Synchronizing(store: store, client: nil, threads: 1).run(lock, isFrozen: true)
    #expect(present.map(\.1) == [.present, .present])
    let other = try TemporaryFolder("impetus-lock")
    let empty = Synchronizing(store: ModelStore(root: other.path), client: nil, threads: 1)
    for (model, status) in [("own", ExitStatus.notFound), ("hub", .network)] {
      let one = LockFile(models: lock.models.filter { $0.reference.name == model })
      await #expect {
        _ = try await empty.run(one, isFrozen: true)
      } throws: { ($0 as? any Problem)?.status == status }
    }
  }

  @Test("policies of several files all have to allow") func policies() throws {
    let folder = try TemporaryFolder("impetus-policy")
    let (system, own) = (
      try folder.write(#"{"licenses":["mit","apache-2.0"]}"#, to: "system.json"),
      try folder.write(#"{"licenses":["mit"],"organizations":["o*"]}"#, to: "home/impetus/policy.json")
    )
    let policies = try Policies.load(environment: ["XDG_CONFIG_HOME": "\(folder.path)/home"], system: system)
    #expect(policies.all.map(\.path) == [system, own])
    func refusal(_ licenses: [String]?, organization: String? = "org") -> String? {
      do {
        try policies.check(
          PolicySubject(name: "x", organization: organization, licenses: licenses, paths: [], server: nil))
        return nil
      } catch { return error.code }
    }
    #expect(refusal(["MIT"]) == nil)
    #expect(refusal(["apache-2.0"]) == "policy.licenses")
    #expect(refusal(["mit", "other"]) == "policy.licenses")
    #expect(refusal([]) == "policy.licenses")
    // Before a licence is known it is not judged.
    #expect(refusal(nil) == nil)
    #expect(refusal(["mit"], organization: "other-org") == nil)
    #expect(refusal(["mit"], organization: "evil") == "policy.organizations")
    #expect(refusal(["mit"], organization: nil) == "policy.organizations")
  }
}
