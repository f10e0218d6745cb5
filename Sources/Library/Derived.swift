// SPDX-License-Identifier: Apache-2.0
// A folder made from a model becomes a model of the store, with everything needed to make it again.

internal import Basics
internal import Store

/// A model that is made from another: its source and where the result goes.
struct Derivation: Sendable {
  /// The model it is made of.
  let source: LocatedModel
  let store: ModelStore

  init(_ source: LocatedModel, store: ModelStore) {
    self.source = source
    self.store = store
  }

  /// The result's name: the source's with another variant, unless `text` names another model.
  /// - Parameters:
  ///   - text: what was asked for: a reference, or `:VARIANT`.
  ///   - variant: taken when nothing was asked for.
  func name(_ text: String?, variant: String) throws -> Reference {
    let base = source.stored?.reference
    return try Self.name(text, organization: base?.organization, name: base?.name ?? folderName, variant: variant)
  }

  /// The same for a source of this organization and name.
  static func name(_ text: String?, organization: String?, name: String, variant: String) throws -> Reference {
    if let text, !text.hasPrefix(":") { return try Importing.reference(text) }
    let variant = try text.map { try Importing.reference("x\($0)").variant } ?? variant
    return try Reference(organization: organization, name: name, variant: variant)
  }

  private var folderName: String {
    let name = Files.name(of: source.folder.hasSuffix("/") ? String(source.folder.dropLast()) : source.folder)
    return name == "." || name == ".." || name.isEmpty ? "model" : name
  }

  /// Makes a folder in a session of the store and publishes what `body` writes to it.
  /// - Parameters:
  ///   - inputs: what was used beside the source.
  ///   - accepts: told the files before they get their name; throws to refuse them.
  ///   - body: writes files into the folder.
  /// - Returns: the model, and what `body` tells of it.
  /// - Throws: what `body` and the store throw; the store is then as it was.
  func publish<Made: FolderOutcome>(
    as reference: Reference, replaces: Bool, inputs: [Provenance.Input] = [],
    accepts: ([ModelFile]) throws -> Void = { _ in }, _ body: (_ folder: String) throws -> Made
  ) throws -> (model: StoredModel, made: Made) {
    let ingest = try Ingest(store)
    let folder = "\(ingest.folder)/derived"
    try Files.makeFolders(folder)
    let made = try body(folder)
    let origin =
      try source.stored.map { try (source.store ?? store).description($0).origin } ?? Origin(source: folderName)
    let provenance = Provenance(
      base: source.stored?.reference.full, baseManifest: source.stored?.digest, inputs: try self.inputs() + inputs,
      recipe: made.recipe, tool: "\(Program.name) \(Program.version)")
    let facts = try Describing.facts(folder: folder, origin: origin, provenance: provenance)
    let files = try made.files.map { name in
      let descriptor = try ingest.adopt("\(folder)/\(name)")
      return try ModelFile(path: name, digest: descriptor.digest, byteCount: descriptor.byteCount)
    }
    try accepts(files)
    let model = try ingest.publish(files, as: reference, description: facts.description, replaces: replaces)
    return (model, made)
  }

  /// Every file of the source with its digest; those of the store have theirs already.
  private func inputs() throws -> [Provenance.Input] {
    if let stored = source.stored {
      return stored.manifest.files.map { Provenance.Input(path: $0.path, digest: $0.digest) }
    }
    return try Self.inputs(of: source.folder)
  }

  /// Every file of a folder with its digest.
  static func inputs(of folder: String) throws -> [Provenance.Input] {
    try Files.list(folder).filter { Files.isFile("\(folder)/\($0)") && !$0.hasPrefix(".") }.map {
      Provenance.Input(path: $0, digest: try Digest.ofFile("\(folder)/\($0)"))
    }
  }
}
