// SPDX-License-Identifier: Apache-2.0
// What an interrupted download leaves, and that the next one fetches only the rest.

import Basics
import Glibc
import Hub
import Support
import Synchronization
import Testing

/// What several downloads have received.
private final class ReceivedBytes: Sendable {
  private let counts = Mutex<[Int: Int]>([:])
  var sum: Int { counts.withLock { $0.values.reduce(0, +) } }
  func note(_ progress: DownloadProgress, of number: Int) {
    counts.withLock { $0[number] = progress.receivedByteCount }
  }
}

@Suite(.timeLimit(.minutes(5))) struct ResumeTests {
  static let byteCount = 2_000_000
  static let blockByteCount = 16 << 10

  /// Five ranges, and two blocks and a bit of four more.
  static let (rangeByteCount, bitByteCount) = (128 << 10, 40_000)
  static let landedByteCount = 5 * rangeByteCount + 4 * bitByteCount

  /// The bytes of all blocks but those that the hub has brought to their ends.
  private func rest(_ rig: Rig) -> RangeSet<Int> {
    var rest = RangeSet([0..<Self.byteCount])
    for record in rig.hub.records where record.place == .cdn {
      guard let range = record.request.range(of: Self.byteCount) else { continue }
      let end = (range.lowerBound + record.sentByteCount) / Self.blockByteCount * Self.blockByteCount
      rest.remove(contentsOf: range.lowerBound..<end)
    }
    return rest
  }

  /// Lets the hub bring five ranges and then, on every connection, the beginning of another one and no more.
  private func holdInTheMiddle(_ rig: Rig) {
    rig.hub.order(Fault(.cdn, .none, times: 5), Fault(.cdn, .hold(after: Self.bitByteCount), times: nil))
  }

  /// A pull that is cancelled when all its connections have come to a stop.
  private func interrupted(_ rig: Rig) async throws {
    holdInTheMiddle(rig)
    // Nothing but the cancellation ends what the hub holds: a pull that waited for it would run into the suite's limit.
    let client = try rig.client(rig.settings(stall: .seconds(3600)))
    let pull = Task { try await rig.pull(client) }
    try await eventually { rig.hub.heldCount == 4 && rig.progress?.landedByteCount == Self.landedByteCount }
    pull.cancel()
    await #expect(throws: HubProblem.cancelled) { try await pull.value }
    rig.hub.state.withLock { $0.faults = [] }
  }

  /// Bytes that the CDN is asked for by a pull that goes on.
  private func resumed(_ rig: Rig) async throws -> RangeSet<Int> {
    try rig.hub.settle()
    let before = rig.hub.records.count
    try await rig.pull()
    return rig.hub.asked(of: Self.byteCount, from: before)
  }

  @Test("cancelling waits for no server, and the next pull fetches the rest only") func cancelled() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    try await interrupted(rig)
    #expect(try rig.leftovers().count == 2)
    let rest = rest(rig)
    #expect(rest.count == Self.byteCount - 5 * Self.rangeByteCount - 8 * Self.blockByteCount)
    #expect(try await resumed(rig) == rest)
    #expect(try rig.isComplete())
    #expect(try rig.leftovers() == [])
  }

  @Test("kill -9 in the middle costs at most what was in memory") func killed() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    holdInTheMiddle(rig)
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
    rig.hub.state.withLock { $0.faults = [] }
    let rest = rest(rig)
    let asked = try await resumed(rig)
    #expect(try rig.isComplete())
    // Whatever had come was in one of twelve buffers or on the disk.
    #expect(asked.count <= Self.byteCount - 800_000 + 12 * Self.blockByteCount)
    #expect(asked.isSuperset(of: rest))
  }

  @Test("blocks that changed on the disk are fetched again, the others not") func damagedPart() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    try await interrupted(rig)
    let part = try #require(try rig.leftovers().first { $0.hasSuffix(".part") })
    let path = "\(rig.folder.path)/parts/\(part)"
    var bytes = try Files.read(path)
    var expected = rest(rig)
    for place in stride(from: 0, to: bytes.count, by: 200_000) {
      bytes[place] ^= 0x55
      let start = place / Self.blockByteCount * Self.blockByteCount
      expected.insert(contentsOf: start..<min(start + Self.blockByteCount, bytes.count))
    }
    try Files.remove(path)
    try AtomicFile.write(bytes, to: path)
    #expect(try await resumed(rig) == expected)
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
    #expect(rig.hub.asked(of: Self.byteCount, from: before).isEmpty)
  }

  @Test("two downloads of one content: one fetches, the other waits") func together() async throws {
    let rig = try Rig([.large("model.safetensors", byteCount: Self.byteCount)])
    let target = "\(rig.folder.path)/done/model.safetensors"
    let listing = try await rig.client().listing(RepoID("org/model"), CommitID(rig.hub.state.withLock { $0.commit })!)
    let received = ReceivedBytes()
    @Sendable func one(_ number: Int) async throws {
      let download = try Download(
        listing.files, of: listing.repository, at: listing.commit, client: rig.client(),
        into: "\(rig.folder.path)/parts", options: Rig.options
      ) { event in
        if case .progress(let progress) = event { received.note(progress, of: number) }
      }
      try await download.run(isPresent: { _ in Files.isFile(target) }) { try Files.rename($0.path, to: target) }
    }
    async let first: Void = one(1)
    async let second: Void = one(2)
    async let third: Void = one(3)
    _ = try await (first, second, third)
    #expect(try rig.isComplete())
    #expect(received.sum == Self.byteCount)
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
