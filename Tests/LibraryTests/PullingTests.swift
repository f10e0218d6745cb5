// SPDX-License-Identifier: Apache-2.0
// A pull from plan to files, against the loopback hub and a folder in place of the store.

import Basics
import Hub
import Library
import Support
import Synchronization
import Testing

/// Keeps contents in a folder by their SHA-256, and remembers git ids.
private final class FolderDestination: PullDestination {
  let folder: TemporaryFolder
  private let known = Mutex<[ContentIdentity: Digest]>([:])

  init() throws {
    folder = try TemporaryFolder("impetus-pull")
    try Files.makeFolders("\(folder.path)/parts")
    try Files.makeFolders("\(folder.path)/blobs")
  }

  var partsFolder: String { "\(folder.path)/parts" }
  func path(_ digest: Digest) -> String { "\(folder.path)/blobs/\(digest.hex)" }

  func present(_ file: RepoFile) -> Digest? {
    let digest =
      if case .sha256(let digest) = file.identity { Optional(digest) } else { known.withLock { $0[file.identity] } }
    return digest.flatMap { Files.isFile(path($0)) ? $0 : nil }
  }

  func adopt(_ file: DownloadedFile) throws {
    try Files.rename(file.path, to: path(file.digest))
    known.withLock { $0[file.file.identity] = file.digest }
  }

  func take(_ file: RepoFile, from path: String, progress: (Int) throws -> Void) throws -> Digest? { nil }
}

@Suite(.timeLimit(.minutes(5))) struct PullingTests {
  private static let files = [
    LoopbackFile("README.md", "same"), LoopbackFile("LICENSE", "same"), LoopbackFile("config.json", "{}"),
    LoopbackFile.large("model.safetensors", byteCount: 400_000),
    LoopbackFile.large("pytorch_model.bin", byteCount: 400_000, seed: 2),
  ]

  private func pulling(_ hub: LoopbackHub, _ destination: FolderDestination) throws -> Pulling {
    var settings = try HubSettings(environment: ["HF_ENDPOINT": hub.endpoint])
    settings.retry = RetryPolicy(attempts: 2, base: .milliseconds(5))
    return Pulling(client: try HubClient(settings), destination: destination)
  }

  @Test("a plan tells what is fetched and what is left out; running it brings every file") func pull() async throws {
    let hub = try LoopbackHub(Self.files)
    defer { hub.stop() }
    let destination = try FolderDestination()
    let pulling = try pulling(hub, destination)
    let plan = try await pulling.plan(RepoID("org/model"))
    #expect(plan.byteCount == 400_010)
    #expect(plan.fetchByteCount == 400_006)  // the equal texts are one content
    #expect(plan.selection.leftOut.map(\.file.path.description) == ["pytorch_model.bin"])
    #expect(hub.records.map(\.place) == [.info, .tree])
    let snapshot = try await pulling.run(plan)
    #expect(
      snapshot.files.map(\.source.path.description) == ["LICENSE", "README.md", "config.json", "model.safetensors"])
    for file in snapshot.files {
      let content = Self.files.first { $0.path == file.source.path.description }?.content
      #expect(try Files.read(destination.path(file.digest)) == content)
    }
    #expect(try Files.list(destination.partsFolder) == [])
  }

  @Test("a second pull fetches nothing") func again() async throws {
    let hub = try LoopbackHub(Self.files)
    defer { hub.stop() }
    let pulling = try pulling(hub, FolderDestination())
    let first = try await pulling.run(pulling.plan(RepoID("org/model")))
    let plan = try await pulling.plan(RepoID("org/model"))
    #expect(plan.isComplete && plan.fetchByteCount == 0)
    let second = try await pulling.run(plan)
    #expect(second.files == first.files)
    #expect(second.receivedByteCount == 0 && first.receivedByteCount == 400_006)
    #expect(hub.records.filter { $0.place == .cdn }.count >= 1)
  }

  @Test("what an interrupted pull has left is in the next plan") func resumable() async throws {
    let hub = try LoopbackHub([.large("model.safetensors", byteCount: 9_000_000)])
    defer { hub.stop() }
    hub.order(Fault(.cdn, .cut(after: 3_000_000), times: nil))
    let pulling = try pulling(hub, FolderDestination())
    hub.order(Fault(.resolve, .status(404), times: nil))
    await #expect(throws: HubProblem.self) { try await pulling.run(pulling.plan(RepoID("org/model"))) }
    hub.state.withLock { $0.faults = [Fault(.cdn, .hold(after: 5 << 19), times: nil)] }
    let plan = try await pulling.plan(RepoID("org/model"))
    let pull = Task { try await pulling.run(plan) }
    // Two whole blocks of a range; a part of it may have become another connection's, and be held too.
    try await eventually { try await pulling.plan(RepoID("org/model")).resumableByteCount >= 2 << 20 }
    pull.cancel()
    _ = await pull.result
    let rest = try await pulling.plan(RepoID("org/model"))
    #expect((2 << 20..<9_000_000).contains(rest.resumableByteCount))
    #expect(rest.fetchByteCount == 9_000_000 - rest.resumableByteCount)
    hub.state.withLock { $0.faults = [] }
    #expect(try await pulling.run(rest).files.count == 1)
  }

  @Test("weights in other formats only are told by their names") func otherFormats() async throws {
    let hub = try LoopbackHub([
      .large("a.bin", byteCount: 9), .large("x-Q4.gguf", byteCount: 9, seed: 3), .large("x-Q8.gguf", byteCount: 8),
    ])
    defer { hub.stop() }
    let pulling = try pulling(hub, FolderDestination())
    let plan = try await pulling.plan(RepoID("org/model"))
    await #expect(throws: PullProblem.nothingToTake(repository: "org/model", formats: ["bin", "gguf"])) {
      try await pulling.run(plan)
    }
  }

  @Test("a model larger than the disk is refused before a byte is asked for") func noRoom() async throws {
    let hub = try LoopbackHub()
    defer { hub.stop() }
    let row: JSONValue = [
      "type": "file", "path": "model.safetensors", "size": JSONValue(1 << 49),
      "oid": .string(String(repeating: "0", count: 40)),
      "lfs": ["oid": .string(String(repeating: "a", count: 64)), "size": JSONValue(1 << 49)],
    ]
    hub.state.withLock { $0.rows = [row] }
    let pulling = try pulling(hub, FolderDestination())
    let plan = try await pulling.plan(RepoID("org/model"))
    let problem = await #expect(throws: PullProblem.self) { try await pulling.run(plan) }
    #expect(problem?.status == .doesNotFit)
    #expect(hub.records.count == 2)
  }

  @Test("a gated model without a token ends at the plan") func gated() async throws {
    let hub = try LoopbackHub(Self.files)
    defer { hub.stop() }
    hub.state.withLock { $0.isGated = true }
    let pulling = try pulling(hub, FolderDestination())
    await #expect(throws: HubProblem.gated(repository: "org/model", page: "\(hub.endpoint)/org/model", hasToken: false))
    {
      try await pulling.plan(RepoID("org/model"))
    }
  }
}
