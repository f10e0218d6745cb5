// SPDX-License-Identifier: Apache-2.0
// What the tests of downloads share: a loopback hub, a quick client, a folder, and a record of events.

import Basics
import Hub
import Support
import Synchronization

/// One hub, one folder, one client, made for impatient tests.
final class Rig: Sendable {
  let hub: LoopbackHub
  let folder: TemporaryFolder
  let events = Mutex<[DownloadEvent]>([])

  init(_ files: [LoopbackFile]) throws {
    hub = try LoopbackHub(files)
    folder = try TemporaryFolder("impetus-hub")
    try Files.makeFolders("\(folder.path)/parts")
    try Files.makeFolders("\(folder.path)/done")
  }

  deinit { hub.stop() }

  /// Settings with short pauses. `environment` comes on top of the endpoint.
  /// - Parameter stall: what a server that sends nothing is given; long, so that a busy machine is no fault.
  func settings(_ environment: [String: String] = [:], stall: Duration = .seconds(100)) throws -> HubSettings {
    var settings = try HubSettings(environment: environment.merging(["HF_ENDPOINT": hub.endpoint]) { $1 })
    settings.retry = RetryPolicy(
      attempts: 4, base: .milliseconds(5), longest: .milliseconds(20), longestWait: .seconds(5), margin: .zero)
    settings.questionPatience = Patience(connect: .seconds(100), stall: stall)
    settings.bytePatience = settings.questionPatience
    return settings
  }

  func client(_ settings: HubSettings? = nil) throws -> HubClient {
    try HubClient(settings ?? self.settings()) { event in self.events.withLock { $0.append(event) } }
  }

  /// Small blocks and ranges, so that small files have many.
  static var options: DownloadOptions {
    var options = DownloadOptions(connections: 4)
    options.blockByteCount = 16 << 10
    options.rangeByteCounts = (64 << 10)...(128 << 10)
    options.lockPause = .milliseconds(20)
    return options
  }

  /// Lists and downloads everything into `done/`.
  @discardableResult
  func pull(
    _ client: HubClient? = nil, options: DownloadOptions = Rig.options,
    adopt: (@Sendable (DownloadedFile) async throws -> Void)? = nil
  ) async throws -> RepoListing {
    let client = try client ?? self.client()
    let resolved = try await client.resolve(RepoID("org/model"), .main)
    let listing = try await client.listing(resolved.repository, resolved.commit)
    let download = try Download(
      listing.files, of: listing.repository, at: listing.commit, client: client, into: "\(folder.path)/parts",
      options: options, events: { event in self.events.withLock { $0.append(event) } })
    let done = "\(folder.path)/done"
    try await download.run(
      adopt: adopt ?? { file in
        let target = "\(done)/\(file.file.path)"
        try Files.makeFolders(Files.parent(of: target))
        try Files.rename(file.path, to: target)
      })
    return listing
  }

  /// How far the download was when it last told.
  var progress: DownloadProgress? {
    events.withLock { events in
      for event in events.reversed() { if case .progress(let progress) = event { return progress } }
      return nil
    }
  }

  /// Why requests failed that were tried again.
  var retried: Set<String> {
    events.withLock { events in
      Set(events.compactMap { if case .retrying(let problem, _) = $0 { problem.why } else { nil } })
    }
  }

  /// Whether every file of the hub arrived with its bytes.
  func isComplete() throws -> Bool {
    try hub.state.withLock { $0.files }.allSatisfy { file in
      try Files.read("\(folder.path)/done/\(file.path)") == file.content
    }
  }

  /// Names of what is left among the parts.
  func leftovers() throws -> [String] { try Files.list("\(folder.path)/parts") }

  /// The problem that a pull ends with.
  func problem(_ client: HubClient? = nil) async -> HubProblem? {
    do {
      try await pull(client)
      return nil
    } catch {
      return error as? HubProblem
    }
  }
}
