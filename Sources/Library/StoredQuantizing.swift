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

  /// The model to quantize.
  public let source: LocatedModel
  /// The work, planned.
  public let quantizing: Quantizing
  private let store: ModelStore

  /// Opens and plans; reads only the heads of the files.
  public init(_ source: LocatedModel, recipe: Quantizing.Recipe, store: ModelStore) throws {
    self.source = source
    self.store = store
    quantizing = try Quantizing(folder: source.folder, recipe: recipe)
  }

  /// The variant's name when none is given: `q4` for 4 bits in groups of 64, else with the group.
  public func name(_ text: String?) throws -> Reference {
    if let text {
      let reference = try Importing.reference(text.hasPrefix(":") ? "x\(text)" : text)
      guard text.hasPrefix(":") else { return reference }
      return try Reference(organization: base?.organization, name: base?.name ?? folderName, variant: reference.variant)
    }
    let (bits, group) = (quantizing.recipe.standard.bits, quantizing.recipe.standard.groupSize)
    return try Reference(
      organization: base?.organization, name: base?.name ?? folderName,
      variant: group == 64 ? "q\(bits)" : "q\(bits)-g\(group)")
  }

  private var base: Reference? { source.stored?.reference }
  private var folderName: String {
    let name = Files.name(of: source.folder.hasSuffix("/") ? String(source.folder.dropLast()) : source.folder)
    return name == "." || name == ".." || name.isEmpty ? "model" : name
  }

  /// Does the work. Blocks its thread until done.
  /// - Throws: `QuantizationProblem`, `StoreProblem`, `FileProblem`; the store is then as it was.
  public func run(
    as reference: Reference, replaces: Bool, threads: Int,
    progress: @escaping @Sendable (Quantizing.Progress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> Outcome {
    let ingest = try Ingest(store)
    let folder = "\(ingest.folder)/quantized"
    try Files.makeFolders(folder)
    let outcome = try quantizing.write(to: folder, threads: threads, progress: progress, isCancelled: isCancelled)
    let inputs = try inputs()
    let origin = try source.stored.map { try store.description($0).origin } ?? Origin(source: folderName)
    let provenance = Provenance(
      base: source.stored?.reference.full, baseManifest: source.stored?.digest, inputs: inputs,
      recipe: outcome.recipe, tool: "\(Program.name) \(Program.version)")
    let facts = try Describing.facts(folder: folder, origin: origin, provenance: provenance)
    let files = try outcome.files.map { name in
      let descriptor = try ingest.adopt("\(folder)/\(name)")
      return try ModelFile(path: name, digest: descriptor.digest, byteCount: descriptor.byteCount)
    }
    let model = try ingest.publish(files, as: reference, description: facts.description, replaces: replaces)
    return Outcome(model: model, quantized: outcome)
  }

  /// Every file of the source with its digest; those of the store have theirs already.
  private func inputs() throws -> [Provenance.Input] {
    if let stored = source.stored {
      return stored.manifest.files.map { Provenance.Input(path: $0.path, digest: $0.digest) }
    }
    return try Files.list(source.folder).filter { Files.isFile("\(source.folder)/\($0)") && !$0.hasPrefix(".") }.map {
      Provenance.Input(path: $0, digest: try Digest.ofFile("\(source.folder)/\($0)"))
    }
  }
}
