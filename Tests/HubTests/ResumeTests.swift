// SPDX-License-Identifier: Apache-2.0
// What an interrupted download leaves, and that the next one fetches only the rest.

import Basics
import Glibc
import Hub
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ResumeTests {
  static let byteCount = 2_000_000
  static let blockByteCount = 16 << 10

  /// A pull that is stopped when the CDN has sent about this much.
  private func interrupted(_ rig: Rig, after count: Int) async throws {
    rig.hub.order(Fault(.cdn, .throttle(1_000_000), times: nil))
    let pull = Task { try await rig.pull() }
    while landed(rig) < count { try await Task.sleep(for: .milliseconds(2)) }
    pull.cancel()
    let start = ContinuousClock.now
    _ = await pull.result
    // A second on a quiet machine; here all tests run at once.
    #expect(ContinuousClock.now - start < .seconds(5))
    rig.hub.state.withLock { $0.faults = [] }
  }

  private func landed(_ rig: Rig) -> Int {
    rig.events.withLock { events in
      for event in events.reversed() { if case .progress(let progress) = event { return progress.landedByteCount } }
      return 0
    }
  }

  /// Bytes the CDN sent to the requests from `record` on.
  private func sent(_ rig: Rig, from record: Int) -> Int {
    rig.hub.records[record...].filter { $0.place == .cdn }.reduce(0) { $0 + $1.sentByteCount }
  }

  @Test("cancelling ends within a second, and the next pull fetches the rest only") func cancelled() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    try await interrupted(rig, after: 700_000)
    #expect(try rig.leftovers().count == 2)
    try await Task.sleep(for: .milliseconds(100))  // let the server note the broken requests
    let before = rig.hub.records.count
    try await rig.pull()
    #expect(try rig.isComplete())
    #expect(sent(rig, from: before) <= Self.byteCount - 600_000 + 5 * Self.blockByteCount)
    #expect(try rig.leftovers() == [])
  }

  @Test("kill -9 in the middle costs at most a block a connection") func killed() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    rig.hub.order(Fault(.cdn, .throttle(1_000_000), times: nil))
    let endpoint = rig.hub.endpoint
    let folder = "\(rig.folder.path)/parts"
    await #expect(processExitsWith: .signal(SIGKILL)) { [endpoint = endpoint as String, folder = folder as String] in
      let client = try HubClient(HubSettings(environment: ["HF_ENDPOINT": endpoint]))
      let resolved = try await client.resolve(RepoID("org/model"), .main)
      let listing = try await client.listing(resolved.repository, resolved.commit)
      let download = try Download(
        listing.files, of: listing.repository, at: listing.commit, client: client, into: folder, options: Rig.options
      ) { event in
        if case .progress(let progress) = event, progress.landedByteCount > 800_000 { kill(getpid(), SIGKILL) }
      }
      try await download.run { _ in }
    }
    try await Task.sleep(for: .milliseconds(200))
    rig.hub.state.withLock { $0.faults = [] }
    let before = rig.hub.records.count
    try await rig.pull()
    #expect(try rig.isComplete())
    #expect(sent(rig, from: before) <= Self.byteCount - 800_000 + 6 * Self.blockByteCount)
  }

  @Test("blocks that changed on the disk are fetched again, the others not") func damagedPart() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    try await interrupted(rig, after: 1_000_000)
    let part = try #require(try rig.leftovers().first { $0.hasSuffix(".part") })
    let path = "\(rig.folder.path)/parts/\(part)"
    var bytes = try Files.read(path)
    for place in stride(from: 0, to: bytes.count, by: 200_000) { bytes[place] ^= 0x55 }
    try Files.remove(path)
    try AtomicFile.write(bytes, to: path)
    try await rig.pull()
    #expect(try rig.isComplete())
  }

  static let foreignJournals = [
    "empty": "",
    "garbage": "garbage",
    "torn": "impetus-part 1 2000000 16384\n999999 0000000000000000\n-1 zz\n5 ",
    "other layout": "impetus-part 1 7 7\n0 0000000000000000\n",
    "wrong checksums": "impetus-part 1 2000000 16384\n" + (0..<123).map { "\($0) 0123456789abcdef\n" }.joined(),
  ]

  @Test("a foreign or torn journal costs bytes, never correctness", arguments: foreignJournals.keys.sorted())
  func journals(_ name: String) async throws {
    let text = try #require(Self.foreignJournals[name])
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    let file = rig.hub.state.withLock { $0.files[0] }
    let content = "sha256-\(file.digest.hex)"
    try rig.folder.write(text, to: "parts/\(content).journal")
    try rig.folder.write([UInt8](repeating: 0, count: 3_000_000), to: "parts/\(content).part")
    try await rig.pull()
    #expect(try rig.isComplete())
  }

  @Test("a part that is complete needs no byte from the network") func completePart() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    struct Refused: Error {}
    await #expect(throws: Refused.self) { try await rig.pull { _ in throw Refused() } }
    #expect(try rig.leftovers().count == 2)
    let before = rig.hub.records.count
    try await rig.pull()
    #expect(try rig.isComplete())
    #expect(sent(rig, from: before) == 0)
  }

  @Test("two downloads of one content: one fetches, the other waits") func together() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    let target = "\(rig.folder.path)/done/model.safetensors"
    let listing = try await rig.client().listing(RepoID("org/model"), CommitID(rig.hub.state.withLock { $0.commit })!)
    @Sendable func one() async throws {
      let download = try Download(
        listing.files, of: listing.repository, at: listing.commit, client: rig.client(),
        into: "\(rig.folder.path)/parts", options: Rig.options)
      try await download.run(isPresent: { _ in Files.isFile(target) }) { try Files.rename($0.path, to: target) }
    }
    async let first: Void = one()
    async let second: Void = one()
    async let third: Void = one()
    _ = try await (first, second, third)
    #expect(try rig.isComplete())
    // The tail of a range that another connection took over may have been on its way already.
    #expect(rig.hub.sentByteCount(.cdn) <= Self.byteCount + 4 * 128 << 10)
    #expect(try rig.leftovers() == [])
  }

  @Test("a disk without room ends with its own exit code, and keeps what is finished") func diskFull() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount), LoopbackFile("config.json", "{}")])
    let endpoint = rig.hub.endpoint
    let folder = "\(rig.folder.path)/parts"
    await #expect(processExitsWith: .exitCode(6)) { [endpoint = endpoint as String, folder = folder as String] in
      // A limit on file sizes is the full disk that a test can make: EFBIG in place of ENOSPC.
      var limit = rlimit(rlim_cur: 500_000, rlim_max: 500_000)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let client = try HubClient(HubSettings(environment: ["HF_ENDPOINT": endpoint]))
      let resolved = try await client.resolve(RepoID("org/model"), .main)
      let listing = try await client.listing(resolved.repository, resolved.commit)
      let download = try Download(
        listing.files, of: listing.repository, at: listing.commit, client: client, into: folder, options: Rig.options)
      do {
        try await download.run { _ in }
      } catch let problem as HubProblem {
        exit(problem.status.rawValue)
      }
    }
    try await rig.pull()
    #expect(try rig.isComplete())
  }

  @Test("a folder that cannot be written is one clear problem") func unwritable() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: 100_000)])
    try Files.removeTree("\(rig.folder.path)/parts")
    let problem = await rig.problem()
    #expect(problem?.code == "file.not-found")
  }
}
