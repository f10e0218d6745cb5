// SPDX-License-Identifier: Apache-2.0
// A model of the store, or a folder, with adapters fused into it, as a model of the store.

internal import Basics
internal import Models
public import Store

/// The use case of `impetus fuse`.
public struct StoredFusing: Sendable {
  /// The work, checked.
  public let fusing: Fusing
  private let derivation: Derivation

  /// Opens and checks; reads the heads of the model's files and the adapters.
  public init(_ source: LocatedModel, adapters: [String], store: ModelStore) throws {
    derivation = Derivation(source, store: store)
    fusing = try Fusing(folder: source.folder, adapters: try adapters.map { try Adapter.open($0) })
  }

  /// The result's name: the source's with `fused` as variant when none is given.
  public func name(_ text: String?) throws -> Reference { try derivation.name(text, variant: "fused") }

  /// Does the work. Blocks its thread until done.
  public func run(
    as reference: Reference, replaces: Bool, threads: Int,
    progress: @escaping @Sendable (FolderProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> StoredModel {
    let inputs = try AdapterInputs.all(of: fusing.adapters)
    return try derivation.publish(as: reference, replaces: replaces, inputs: inputs) { folder in
      try fusing.write(to: folder, threads: threads, progress: progress, isCancelled: isCancelled)
    }.model
  }
}
