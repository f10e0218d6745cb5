// SPDX-License-Identifier: Apache-2.0
// Where a streamed quantization's bytes come from: small files are in the store; shards are too, or in the hub's cache on
// this machine, or at the hub.

internal import Basics
internal import Hub
internal import Store
internal import Synchronization

/// The files of a repository at a commit, and how each is read once.
struct StreamedSource: Sendable {
  let plan: PullPlan
  /// Everything but the shards, in the store.
  let small: PulledSnapshot
  /// In the order of their names.
  let shards: [RepoFile]
  let client: HubClient
  let store: ModelStore
  let options: DownloadOptions

  /// Where this machine has a shard's content; nil when only the hub has it.
  func localPath(_ shard: RepoFile) -> String? {
    if let digest = plan.present[shard.identity] { return store.path(of: digest) }
    return plan.cached.first { $0.file.identity == shard.identity }?.path
  }

  /// The folder to plan with.
  func heads(folder: String) async throws -> ShardHeads {
    var files = small.files.map { ($0.source.path.description, store.path(of: $0.digest)) }
    var absent: [RepoFile] = []
    for shard in shards {
      if let path = localPath(shard) { files.append((shard.path.description, path)) } else { absent.append(shard) }
    }
    let remote = try await heads(of: absent)
    return try ShardHeads(
      folder: folder, files: files.map { (path: $0.0, content: $0.1) }, heads: remote.map { (file: $0.0, head: $0.1) })
  }

  /// The heads of shards that only the hub has, several asked for at a time.
  private func heads(of absent: [RepoFile]) async throws -> [(RepoFile, [UInt8])] {
    try await withThrowingTaskGroup(of: (RepoFile, [UInt8]).self) { group in
      var (found, next) = ([(RepoFile, [UInt8])](), 0)
      while found.count < absent.count {
        while next < absent.count, next - found.count < options.connections {
          let shard = absent[next]
          group.addTask { (shard, try await head(of: shard)) }
          next += 1
        }
        if let one = try await group.next() { found.append(one) }
      }
      return found
    }
  }

  /// The bytes of a shard before its first tensor.
  private func head(of shard: RepoFile) async throws -> [UInt8] {
    let path = shard.path.description
    var bytes = try await front(of: shard, byteCount: 8)
    let length = try ShardHeads.byteCount(bytes, of: path, byteCount: shard.byteCount)
    if bytes.count < length { bytes = try await front(of: shard, byteCount: length) }
    guard bytes.count >= length else { throw HubProblem.wrongBytes(path: path, why: "its head is cut short") }
    return Array(bytes[..<length])
  }

  /// The first bytes of a shard: as many as asked for, rounded up to a block that holds most heads.
  private func front(of shard: RepoFile, byteCount: Int) async throws -> [UInt8] {
    let bytes = Mutex<[UInt8]>([])
    var options = options
    options.blockByteCount = 128 << 10
    let stream = try ContentStream(
      shard, bytes: 0..<min(byteCount, shard.byteCount), of: plan.resolved.repository, at: plan.resolved.commit,
      client: client, options: options
    ) { _, piece in bytes.withLock { $0 += piece } }
    try await stream.run()
    return bytes.withLock { $0 }
  }

  /// Streams a range of a shard from the hub.
  /// - Returns: bytes that came over the network.
  func stream(_ shard: RepoFile, _ range: Range<Int>, _ consumer: @escaping ContentStream.Consumer) async throws -> Int
  {
    let stream = try ContentStream(
      shard, bytes: range, of: plan.resolved.repository, at: plan.resolved.commit, client: client, options: options,
      consumer: consumer)
    try await stream.run()
    return stream.receivedByteCount
  }

  /// Reads a shard that this machine has, from an offset on.
  func read(
    _ path: String, from start: Int, _ consumer: @escaping ContentStream.Consumer
  ) async throws {
    try await WorkOnThread.value("read") { isCancelled in
      let file = try OpenFile.reading(path)
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      var offset = start
      while true {
        if isCancelled() { throw HubProblem.cancelled }
        let count = try file.read(into: &buffer, at: offset)
        if count == 0 { return }
        try buffer.withUnsafeBufferPointer { try consumer(offset, UnsafeBufferPointer(rebasing: $0[..<count])) }
        offset += count
      }
    }
  }
}
