// SPDX-License-Identifier: Apache-2.0
// A quantized variant of a model, in the store, with everything needed to make it again.

internal import Basics
internal import Quantization
public import Store

/// Quantizes a model into the store.
public struct StoredQuantizing: Sendable {
  /// What was made.
  public struct Outcome: Sendable {
    /// The new model.
    public let model: StoredModel
    /// The quantization's own outcome.
    public let quantized: Quantizing.Outcome
  }

  /// The work, planned.
  public let quantizing: Quantizing
  private let derivation: Derivation

  /// Opens and plans; reads only the heads of the files.
  public init(_ source: LocatedModel, recipe: Quantizing.Recipe, store: ModelStore) throws {
    derivation = Derivation(source, store: store)
    quantizing = try Quantizing(folder: source.folder, recipe: recipe)
  }

  /// The variant's name when none is given: `q4` for 4 bits in groups of 64, else with the group.
  public func name(_ text: String?) throws -> Reference {
    try derivation.name(text, variant: quantizing.recipe.standard.variant)
  }

  /// Does the work. Blocks its thread until done.
  /// - Throws: `QuantizationProblem`, `StoreProblem`, `FileProblem`; the store is then as it was.
  public func run(
    as reference: Reference, replaces: Bool, threads: Int,
    progress: @escaping @Sendable (FolderProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> Outcome {
    let published = try derivation.publish(as: reference, replaces: replaces) { folder in
      try quantizing.write(to: folder, threads: threads, progress: progress, isCancelled: isCancelled)
    }
    return Outcome(model: published.model, quantized: published.made)
  }
}

extension Affine {
  /// The variant of a model in this format: `q4`, `q8-g32`.
  var variant: String { groupSize == 64 ? "q\(bits)" : "q\(bits)-g\(groupSize)" }
}
