// SPDX-License-Identifier: Apache-2.0
// A model of the store to a registry: the blobs that it has not, then the manifest, so that a version is whole or absent.

public import Basics
public import Registry
public import Store
internal import Synchronization

/// The use case of `impetus push`, without a terminal.
public struct RegistryPushing: Sendable {
  /// What a push did.
  public struct Outcome: Sendable, Equatable {
    /// The repository with the version that was made.
    public let address: RegistryAddress
    /// The manifest's digest, the same here and there.
    public let digest: Digest
    /// Blobs by how they came there.
    public let blobs: [BlobOutcome: Int]
    /// Bytes of the blobs that were sent.
    public let uploadedByteCount: Int
  }

  /// The registry to write to.
  public let client: RegistryClient
  /// Where the model is.
  public let store: ModelStore
  /// Blobs sent at a time.
  public let connections: Int

  public init(client: RegistryClient, store: ModelStore, connections: Int) {
    self.client = client
    self.store = store
    self.connections = max(1, connections)
  }

  /// Sends what is missing, then names it.
  /// - Parameters:
  ///   - sources: repositories of the registry that may have blobs already.
  ///   - progress: told the bytes that are there, of how many.
  /// - Throws: `RegistryProblem`, `StoreProblem`.
  public func run(
    _ model: StoredModel, mountingFrom sources: [String] = [],
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) async throws -> Outcome {
    let manifest = try store.manifestBytes(model)
    let blobs = try store.checks([model]).filter { $0.descriptor.digest != model.digest }.map { check in
      guard store.holds(check.descriptor.digest, byteCount: check.descriptor.byteCount) else {
        throw StoreProblem.damagedBlob(place: check.place, why: "its content is missing or has another size")
      }
      return Blob(
        digest: check.descriptor.digest, byteCount: check.descriptor.byteCount,
        path: store.path(of: check.descriptor.digest), place: check.place)
    }
    let outcomes = try await bring(blobs, mountingFrom: sources, progress)
    // Without a tag the variant is one.
    let version = client.address.version ?? .tag(model.reference.variant)
    if case .digest(let digest) = version, digest != model.digest {
      throw RegistryProblem.invalidAddress(
        client.address.description, why: "the model's digest is \(model.digest)")
    }
    try await client.put(manifest: manifest, as: version)
    let sent = zip(blobs, outcomes).reduce(0) { $1.1 == .uploaded ? $0 + $1.0.byteCount : $0 }
    return Outcome(
      address: client.address.at(version), digest: model.digest,
      blobs: Dictionary(outcomes.map { ($0, 1) }, uniquingKeysWith: +), uploadedByteCount: sent)
  }

  private func bring(
    _ blobs: [Blob], mountingFrom sources: [String], _ progress: @escaping @Sendable (Int, Int) -> Void
  ) async throws -> [BlobOutcome] {
    let meter = PushMeter(blobs, progress)
    let (client, journal) = (client, journal())
    return try await withThrowingTaskGroup(of: (Int, BlobOutcome).self) { group in
      var outcomes = [BlobOutcome](repeating: .present, count: blobs.count)
      for (place, blob) in blobs.enumerated() {
        if place >= connections, let (ended, outcome) = try await group.next() { outcomes[ended] = outcome }
        group.addTask {
          let outcome = try await client.bring(blob, mountingFrom: sources, journal: journal) {
            meter.reached(place, $0)
          }
          return (place, outcome)
        }
      }
      while let (ended, outcome) = try await group.next() { outcomes[ended] = outcome }
      return outcomes
    }
  }

  /// Unfinished uploads are noted beside unfinished downloads; a store that cannot be written to has no such notes.
  private func journal() -> UploadJournal? {
    Files.isFolder(store.layout.parts) ? UploadJournal(folder: store.layout.parts, client.address) : nil
  }
}

/// Adds up how far the blobs are.
private final class PushMeter: Sendable {
  private let reached: Mutex<[Int]>
  private let total: Int
  private let progress: @Sendable (Int, Int) -> Void

  init(_ blobs: [Blob], _ progress: @escaping @Sendable (Int, Int) -> Void) {
    reached = Mutex([Int](repeating: 0, count: blobs.count))
    total = blobs.reduce(0) { $0 + $1.byteCount }
    self.progress = progress
  }

  func reached(_ place: Int, _ count: Int) {
    let done = reached.withLock { reached in
      reached[place] = count
      return reached.reduce(0, +)
    }
    progress(done, total)
  }
}
