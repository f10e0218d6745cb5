// SPDX-License-Identifier: Apache-2.0
// Questions to the hub: commits, listings, tokens, refusals.

import Basics
import Hub
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct HubClientTests {
  private func rig() throws -> Rig {
    try Rig([LoopbackFile("config.json", "{}"), .large("a.safetensors", byteCount: 100_000)])
  }

  @Test("branches, tags and slashes in revisions resolve to the commit", arguments: ["main", "v1.0", "refs/pr/1"])
  func revisions(_ text: String) async throws {
    let rig = try rig()
    let resolved = try await rig.client().resolve(RepoID("org/model"), Revision(text))
    #expect(resolved.commit.description == rig.hub.state.withLock { $0.commit })
  }

  @Test("a full commit needs no question") func commit() async throws {
    let rig = try rig()
    let text = rig.hub.state.withLock { $0.commit }
    _ = try await rig.client().resolve(RepoID("org/model"), Revision(text))
    #expect(rig.hub.records.isEmpty)
  }

  @Test("a renamed repository is followed and known by its new name") func renamed() async throws {
    let rig = try rig()
    let resolved = try await rig.client().resolve(RepoID("org/old"), .main)
    #expect(resolved.repository.description == "org/model")
  }

  @Test("the listing has sizes and hashes, over all pages, in order") func listing() async throws {
    let rig = try Rig((0..<25).map { LoopbackFile("f\($0)", "\($0)") } + [.large("w", byteCount: 9)])
    rig.hub.state.withLock { $0.pageSize = 4 }
    let client = try rig.client()
    let resolved = try await client.resolve(RepoID("org/model"), .main)
    let listing = try await client.listing(resolved.repository, resolved.commit)
    #expect(listing.files.count == 26)
    #expect(listing.file("f7")?.byteCount == 1)
    #expect(listing.file("f7")?.identity == .gitBlob(GitObjectID(SHA1.gitBlob([0x37]))!))
    #expect(listing.file("w")?.identity == .sha256(.of(LoopbackFile.noise(9, seed: 1))))
    #expect(listing.files.map(\.path.description) == listing.files.map(\.path.description).sorted())
  }

  @Test("a small file's content is checked", arguments: [false, true]) func content(_ isFlipped: Bool) async throws {
    let rig = try rig()
    let client = try rig.client()
    let resolved = try await client.resolve(RepoID("org/model"), .main)
    let listing = try await client.listing(resolved.repository, resolved.commit)
    let file = try #require(listing.file("config.json"))
    if isFlipped {
      rig.hub.order(Fault(.cache, .flip(at: 0)))
      await #expect(throws: HubProblem.self) { try await client.content(of: file, in: listing) }
    } else {
      #expect(try await client.content(of: file, in: listing) == Array("{}".utf8))
    }
  }

  static let badRows: [(String, JSONValue)] = [
    (
      "parent",
      ["type": "file", "path": "../../etc/passwd", "size": 1, "oid": .string(String(repeating: "a", count: 40))]
    ),
    (
      "absolute", ["type": "file", "path": "/etc/passwd", "size": 1, "oid": .string(String(repeating: "a", count: 40))]
    ),
    ("inner parent", ["type": "file", "path": "a/../b", "size": 1, "oid": .string(String(repeating: "a", count: 40))]),
    ("backslash", ["type": "file", "path": "a\\b", "size": 1, "oid": .string(String(repeating: "a", count: 40))]),
    ("nul", ["type": "file", "path": "a\u{0}b", "size": 1, "oid": .string(String(repeating: "a", count: 40))]),
    ("empty part", ["type": "file", "path": "a//b", "size": 1, "oid": .string(String(repeating: "a", count: 40))]),
    ("empty", ["type": "file", "path": "", "size": 1, "oid": .string(String(repeating: "a", count: 40))]),
    ("drive", ["type": "file", "path": "C:x", "size": 1, "oid": .string(String(repeating: "a", count: 40))]),
    ("oid as path", ["type": "file", "path": "a", "size": 1, "oid": "../../../../x"]),
    ("upper-case oid", ["type": "file", "path": "a", "size": 1, "oid": .string(String(repeating: "A", count: 40))]),
    ("no oid", ["type": "file", "path": "a", "size": 1]),
    (
      "lfs oid",
      [
        "type": "file", "path": "a", "size": 1, "oid": .string(String(repeating: "a", count: 40)),
        "lfs": ["oid": "../x", "size": 1],
      ]
    ),
    ("negative size", ["type": "file", "path": "a", "size": -1, "oid": .string(String(repeating: "a", count: 40))]),
    (
      "endless size",
      [
        "type": "file", "path": "a", "size": 9_223_372_036_854_775_807,
        "oid": .string(String(repeating: "a", count: 40)),
      ]
    ),
    ("no path", ["type": "file", "size": 1, "oid": .string(String(repeating: "a", count: 40))]),
    ("number as path", ["type": "file", "path": 5, "size": 1, "oid": .string(String(repeating: "a", count: 40))]),
  ]

  @Test("hostile rows refuse the whole listing", arguments: badRows.map(\.0)) func hostile(_ name: String) async throws
  {
    let rig = try rig()
    let row = try #require(Self.badRows.first { $0.0 == name }?.1)
    rig.hub.state.withLock { $0.rows = .array([row]) }
    let problem = await rig.problem()
    #expect(problem?.code == "hub.invalid-listing")
    #expect(problem?.status == .mismatch)
  }

  @Test(
    "a path twice, or as file and folder, refuses the listing",
    arguments: [["a", "a"], ["a", "a/b"], ["x/y/z", "x"]])
  func contradictory(_ paths: [String]) async throws {
    let rig = try rig()
    let id = JSONValue.string(String(repeating: "a", count: 40))
    rig.hub.state.withLock {
      $0.rows = .array(paths.map { ["type": "file", "path": .string($0), "size": 1, "oid": id] })
    }
    #expect(await rig.problem()?.code == "hub.invalid-listing")
  }

  @Test("pages that go in a circle end") func endlessPages() async throws {
    let rig = try rig()
    let link = "<\(rig.hub.endpoint)/api/models/org/model/tree/x?a>; rel=\"next\""
    rig.hub.order(Fault(.tree, .status(200, [("Link", link)], body: "[]"), times: nil))
    #expect(await rig.problem()?.code == "hub.invalid-listing")
  }

  // MARK: Tokens

  @Test("the token goes to the hub with every request and never to the CDN") func tokenStays() async throws {
    let rig = try rig()
    rig.hub.state.withLock { $0.token = "hf_secret" }
    try await rig.pull(rig.client(rig.settings(["HF_TOKEN": " hf_secret\n"])))
    #expect(try rig.isComplete())
    for record in rig.hub.records {
      #expect((record.request.headers["authorization"] == "Bearer hf_secret") == (record.place != .cdn))
      #expect(record.request.headers["user-agent"] == Program.userAgent)
      #expect(record.request.headers["cookie"] == nil)
    }
    #expect(rig.hub.records.contains { $0.place == .cdn })
  }

  @Test("a redirect to another port of the same host gets no token") func otherPort() async throws {
    let rig = try rig()
    let elsewhere = try rig.hub.records.isEmpty ? LoopbackHub() : rig.hub
    defer { elsewhere.stop() }
    rig.hub.order(
      Fault(.info, .status(302, [("Location", "\(elsewhere.endpoint)/api/models/org/model/revision/main")])))
    _ = try await rig.client(rig.settings(["HF_TOKEN": "hf_secret"])).resolve(RepoID("org/model"), .main)
    #expect(elsewhere.records.count == 1)
    #expect(elsewhere.records.first?.request.headers["authorization"] == nil)
  }

  @Test("a wrong token is told with its source and not with its text") func wrongToken() async throws {
    let rig = try rig()
    rig.hub.state.withLock { $0.token = "hf_right" }
    let problem = await rig.problem(try rig.client(rig.settings(["HF_TOKEN": "hf_wrong"])))
    #expect(problem == .badToken(source: "HF_TOKEN"))
    #expect(problem?.status == .auth)
    #expect(problem?.description.contains("hf_wrong") == false)
    let settings = try rig.settings(["HF_TOKEN": "hf_wrong"])
    var dumped = ""
    dump(settings, to: &dumped)
    #expect(!dumped.contains("hf_wrong"))
  }

  @Test("an absent or private repository is told by whether a token was sent") func absent() async throws {
    let rig = try rig()
    rig.hub.state.withLock { $0.token = "hf_right" }
    #expect(await rig.problem() == .absentOrPrivate(repository: "org/model"))
    let client = try rig.client(rig.settings(["HF_TOKEN": "hf_right"]))
    await #expect(throws: HubProblem.repositoryNotFound(repository: "org/none")) {
      try await client.resolve(RepoID("org/none"), .main)
    }
  }

  @Test("a gated repository names the page to ask at", arguments: [true, false]) func gated(_ hasToken: Bool)
    async throws
  {
    let rig = try rig()
    rig.hub.state.withLock { $0.isGated = true }
    let client = try rig.client(rig.settings(hasToken ? ["HF_TOKEN": "hf_x"] : [:]))
    let problem = await rig.problem(client)
    #expect(problem == .gated(repository: "org/model", page: "\(rig.hub.endpoint)/org/model", hasToken: hasToken))
    #expect(problem?.status == .auth)
  }

  @Test("an unknown revision is told") func noRevision() async throws {
    let rig = try rig()
    await #expect(throws: HubProblem.revisionNotFound(repository: "org/model", revision: "nope")) {
      try await rig.client().resolve(RepoID("org/model"), Revision("nope"))
    }
  }

  // MARK: Settings

  @Test("offline asks nothing", arguments: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]) func offline(_ name: String)
    async throws
  {
    let rig = try rig()
    let problem = await rig.problem(try rig.client(rig.settings([name: "yes"])))
    #expect(problem == .offline(wanted: "org/model", setting: name))
    #expect(problem?.status == .network)
    #expect(rig.hub.records.isEmpty)
  }

  @Test("nobody listens") func refusedConnection() async throws {
    let rig = try rig()
    rig.hub.stop()
    let problem = await rig.problem()
    #expect(problem?.code == "hub.network")
    #expect(problem?.what.contains("127.0.0.1:\(rig.hub.ports.hub)") == true)
  }

  @Test("a proxy from the environment is used, unless the host is excepted") func proxy() async throws {
    let rig = try rig()
    let proxy = try HTTPServer { request, reply in
      reply.json([
        "id": "org/model", "sha": .string(String(repeating: "1", count: 40)), "seen": .string(request.target),
      ])
      return true
    }
    proxy.start()
    defer { proxy.stop() }
    let address = "http://127.0.0.1:\(proxy.port)"
    let proxied = try await rig.client(rig.settings(["ALL_PROXY": address])).resolve(RepoID("org/model"), .main)
    #expect(proxied.card["seen"]?.stringValue?.hasPrefix(rig.hub.endpoint) == true)
    let direct = try await rig.client(rig.settings(["ALL_PROXY": address, "NO_PROXY": "127.0.0.1"]))
      .resolve(RepoID("org/model"), .main)
    #expect(direct.commit.description == rig.hub.state.withLock { $0.commit })
  }

  @Test("a certificate file that does not exist is told at once") func missingAuthority() throws {
    let rig = try rig()
    #expect(throws: HubProblem.self) { try rig.client(rig.settings(["SSL_CERT_FILE": "/nonexistent.pem"])) }
  }
}
