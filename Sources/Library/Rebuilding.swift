// SPDX-License-Identifier: Apache-2.0
// A model made of another one, made once more by its recipe and compared bit for bit. Nothing is kept of it.

public import Basics
public import Store

/// The use case of `impetus verify --rebuild`.
public struct Rebuilding: Sendable {
  /// What came of it.
  public enum Outcome: Sendable, Equatable {
    /// The same files, to the last bit.
    case same
    /// Other files.
    case differs([Finding])
    /// It cannot be made here.
    case impossible(why: String)
    /// It is made of no other model.
    case original
  }

  private let store: ModelStore
  private let others: [ModelStore]
  private let scratch: ModelStore
  private let materials: Materials

  /// - Parameters:
  ///   - store: the store of the models.
  ///   - others: stores in which their bases may lie too.
  ///   - scratch: a store that may be written to, for the folder that goes away.
  ///   - materials: files beside the stores that models were made of.
  public init(store: ModelStore, others: [ModelStore] = [], scratch: ModelStore, materials: Materials = Materials()) {
    self.materials = materials
    self.store = store
    self.others = others
    self.scratch = scratch
  }

  /// Makes a model again in a folder that goes away. Blocks its thread until done.
  /// - Throws: what making and the store throw, which is another matter than a difference.
  public func run(
    _ model: StoredModel, threads: Int, progress: @escaping @Sendable (FolderProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> Outcome {
    guard let provenance = try store.description(model).provenance else { return .original }
    let ingest = try Ingest(scratch)
    let (view, target) = ("\(ingest.folder)/base", "\(ingest.folder)/rebuilt")
    try Files.makeFolders(target)
    let made: MadeFolder
    do {
      let recipe = try RepeatableRecipe(provenance.recipe, inputs: provenance.inputs, materials)
      let source = recipe.needsBase ? try base(provenance, view) : view
      made = try recipe.write(from: source, to: target, threads: threads, progress: progress, isCancelled: isCancelled)
    } catch let lacking as LackingMaterial {
      return .impossible(why: lacking.why)
    }
    let findings = try compare(model, made.files, in: target, tool: provenance.tool)
    return findings.isEmpty ? .same : .differs(findings)
  }

  /// The folder of what a model is made of: its base of a store, linked below `view`, or one that was pointed at.
  private func base(_ provenance: Provenance, _ view: String) throws -> String {
    let inputs = AdapterInputs.base(provenance.inputs)
    if let folder = materials.folder(holding: inputs) { return folder }
    guard let base = provenance.base, let digest = provenance.baseManifest else {
      throw LackingMaterial(why: "it is made of files that are not in the store; --input FOLDER names them")
    }
    let reference = try Importing.reference(base)
    let holder = ([store] + others).first { $0.model(manifest: digest, as: reference) != nil }
    guard let holder, let source = holder.model(manifest: digest, as: reference) else {
      throw LackingMaterial(why: "\(base) is not here in the version that it is made of")
    }
    let files = Dictionary(source.manifest.files.map { ($0.path, $0.digest) }) { first, _ in first }
    for input in inputs where files[input.path] != input.digest {
      throw LackingMaterial(why: "its input \(input.path) is not in the store")
    }
    for file in source.manifest.files {
      try Files.makeFolders(Files.parent(of: "\(view)/\(file.path)"))
      try Files.link("\(view)/\(file.path)", to: holder.path(of: file.digest))
    }
    return view
  }

  private func compare(_ model: StoredModel, _ names: [String], in folder: String, tool: String) throws -> [Finding] {
    var made: [String: Digest] = [:]
    for name in names { made[name] = try Digest.ofFile("\(folder)/\(name)") }
    let recorded = Dictionary(model.manifest.files.map { ($0.path, $0.digest) }) { first, _ in first }
    let now = "\(Program.name) \(Program.version)"
    let who = tool == now ? "" : "; it was made by \(tool), this is \(now)"
    return Set(made.keys).union(recorded.keys).sorted().compactMap { path in
      let message: String
      switch (recorded[path], made[path]) {
      case (let old?, let new?) where old == new: return nil
      case (let old?, let new?): message = "made again it is \(new.short)…, not \(old.short)…\(who)"
      case (nil, _): message = "made again there is such a file, in the model there is none\(who)"
      default: message = "made again there is no such file\(who)"
      }
      return Finding(.error, code: "rebuild.differs", place: "\(model.reference.full) \(path)", message: message)
    }
  }
}
