// SPDX-License-Identifier: Apache-2.0
// The first bytes of a file at the hub, which is where a safetensors file says what is in it.

internal import Basics
internal import Synchronization

extension HubClient {
  /// The first bytes of a file, and no more of it. Nothing vouches for them: only a whole file has a hash.
  /// - Parameter byteCount: how many; all of a file that has fewer.
  public func beginning(
    of file: RepoFile, in listing: RepoListing, byteCount: Int
  ) async throws(HubProblem) -> [UInt8] {
    try await anyOf { client throws(HubProblem) in
      try await client.beginningHere(of: file, in: listing, byteCount: byteCount)
    }
  }

  private func beginningHere(
    of file: RepoFile, in listing: RepoListing, byteCount: Int
  ) async throws(HubProblem) -> [UInt8] {
    let wanted = min(byteCount, file.byteCount)
    guard wanted > 0 else { return [] }
    if let setting = settings.offlineBecause { throw .offline(wanted: file.path.description, setting: setting) }
    let address = try resolveAddress(file.path, of: listing.repository, at: listing.commit)
    let question = question(listing.repository, revision: listing.commit.description, path: file.path)
    var failures = 0
    while true {
      let sink = Beginning(byteCount: wanted)
      do throws(FetchFailure) {
        let delivery = try await courier.carry(
          address, headers: [Header("Range", "bytes=0-\(wanted - 1)")], patience: settings.questionPatience,
          bodyLimit: 4096, into: sink)
        if let bytes = sink.whole { return bytes }
        guard delivery.response.head.status == 206 || delivery.response.head.status == 200 else {
          throw .final(question.problem(delivery.response, from: delivery.address))
        }
        let why = "\(delivery.address.place) did not send its first \(wanted) bytes"
        throw .transient(.wrongBytes(path: file.path.description, why: why), wait: nil)
      } catch {
        failures += 1
        try await pause(after: error, failures: failures)
      }
    }
  }
}

/// Takes a body's first bytes, from servers that ignore ranges too, and ends it there.
private final class Beginning: BodySink {
  private let wanted: Int
  private let bytes = Mutex<[UInt8]>([])

  init(byteCount: Int) { wanted = byteCount }

  /// The bytes, once all came.
  var whole: [UInt8]? { bytes.withLock { $0.count == wanted ? $0 : nil } }

  func accepts(_ head: ResponseHead) -> Bool {
    if head.isHTML { return false }
    return head.status == 200 || head.status == 206 && head.contentRange?.first == 0
  }

  func receive(_ piece: UnsafeRawBufferPointer) -> SinkAnswer {
    bytes.withLock { bytes in
      bytes.append(contentsOf: piece.prefix(wanted - bytes.count))
      return bytes.count < wanted ? .taken : .enough
    }
  }
}
