// SPDX-License-Identifier: Apache-2.0
// A model of the store, or a folder, that another program quantized: its variant in MLX's layout.

internal import Basics
internal import Models
public import Store

/// The use case of `impetus convert`.
public struct StoredConverting: Sendable {
  /// The conversion, checked.
  public let converting: ForeignConverting
  private let derivation: Derivation

  /// Opens and checks; reads only the heads of the files, and scales.
  /// - Throws: `ImportProblem.nothingToConvert` for a model that no other program quantized.
  public init(_ source: LocatedModel, store: ModelStore) throws {
    derivation = Derivation(source, store: store)
    guard let converting = try ForeignConverting(folder: source.folder) else {
      throw ImportProblem.nothingToConvert(name: source.name)
    }
    self.converting = converting
  }

  /// The variant's name: `mlx` when none is given.
  public func name(_ text: String?) throws -> Reference { try derivation.name(text, variant: "mlx") }

  /// Does the work. Blocks its thread until done.
  public func run(
    as reference: Reference, replaces: Bool, threads: Int,
    progress: @escaping @Sendable (FolderProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> StoredModel {
    try derivation.publish(as: reference, replaces: replaces) { folder in
      try converting.write(to: folder, threads: threads, progress: progress, isCancelled: isCancelled)
    }.model
  }
}
