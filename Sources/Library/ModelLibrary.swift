// SPDX-License-Identifier: Apache-2.0
// The models of this machine, by name or by folder: what every command begins with.

internal import Basics
public import Inference
internal import Models
public import Store

/// A model's folder, and what a store knows of it.
public struct LocatedModel: Sendable {
  /// The folder with its files.
  public let folder: String
  /// Its name: the reference, or the folder as it was given.
  public let name: String
  /// Set for a model of a store.
  public let stored: StoredModel?
  /// The store that it is in.
  public let store: ModelStore?

  /// Where the engine keeps this model's packed weights; nil outside of a store, where nothing says whether the files
  /// have changed.
  public var packCache: PackCache? {
    guard let stored, let store else { return nil }
    return PackCache(folder: store.layout.packed, source: stored.digest)
  }

  /// A folder outside of every store.
  public init(folder: String) {
    (self.folder, name) = (folder, folder)
    (stored, store) = (nil, nil)
  }

  /// A model of a store, whose folder is made when it is not there.
  public init(_ stored: StoredModel, in store: ModelStore) throws {
    folder = try store.snapshot(stored)
    name = stored.reference.description
    self.stored = stored
    self.store = store
  }
}

/// The models of one or several stores, and folders beside them.
public struct ModelLibrary: Sendable {
  /// Where models are kept.
  public let store: ModelStore
  /// Stores that are only read, after one's own.
  public let others: [ModelStore]

  /// - Parameter others: folders of further stores, in the order in which they are searched.
  public init(root: String, others: [String] = []) {
    store = ModelStore(root: root)
    self.others = others.map { ModelStore(root: $0) }
  }

  /// All stores, one's own first.
  public var stores: [ModelStore] { [store] + neighbours }

  /// The stores beside one's own.
  public var neighbours: [ModelStore] { others.filter(\.exists) }

  /// Whether a text is meant as a path: it begins as one.
  public static func isPath(_ text: String) -> Bool {
    text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../") || text == "." || text == ".."
      || text.hasPrefix("~/")
  }

  /// Finds a model by its name. Whole names in any store win over beginnings of names; then the first store wins.
  /// - Throws: `StoreProblem.notFound`, `.ambiguous`, `.otherVersion`.
  public func find(_ text: String) throws -> (store: ModelStore, model: StoredModel) {
    var otherVersion: StoreProblem?
    for isPrefix in [false, true] {
      for store in stores {
        do {
          if let model = try store.resolve(text, isPrefix: isPrefix) { return (store, model) }
        } catch let problem as StoreProblem {
          // The version that is asked for may be in the next store.
          guard case .otherVersion = problem else { throw problem }
          otherVersion = otherVersion ?? problem
        }
      }
      if let otherVersion { throw otherVersion }
    }
    let similar = Set(try stores.flatMap { try $0.similar(to: text) }).sorted()
    throw StoreProblem.notFound(text, similar: Array(similar.prefix(5)))
  }

  /// All models by name; a name that several stores have is that of the first one.
  public func models() throws -> [(store: ModelStore, model: StoredModel)] {
    var seen: Set<Reference> = []
    return try stores.flatMap { store in try store.models().map { (store, $0) } }
      .filter { seen.insert($0.1.reference).inserted }
      .sorted { $0.1.reference < $1.1.reference }
  }

  /// Finds a model by reference or path.
  ///
  /// A text that begins as a path is one. Anything else is a name in the stores, and only when they have none, a folder
  /// below the present one.
  /// - Throws: `StoreProblem`, `ModelProblem.notAModel`, `FileProblem`.
  public func locate(_ text: String) throws -> LocatedModel {
    if Self.isPath(text) {
      guard Files.kind(text) != nil else { throw FileProblem.notFound(path: text) }
      return LocatedModel(folder: text)
    }
    do {
      let (store, model) = try find(text)
      return try LocatedModel(model, in: store)
    } catch let problem as StoreProblem {
      if Files.isFile("\(text)/config.json") { return LocatedModel(folder: text) }
      throw problem
    }
  }

  /// The model to use when none is named: the only one there is, or the only one in its smallest form.
  /// - Throws: `StoreProblem` saying that a name is needed.
  public func onlyModel() throws -> LocatedModel {
    let all = try models()
    guard let first = all.first else { throw StoreProblem.empty(path: store.layout.root) }
    guard Set(all.map(\.model.reference.model)).count == 1 else {
      throw StoreProblem.ambiguous("no model was named, which", candidates: all.map(\.model.reference.description))
    }
    let smallest = all.min { $0.model.byteCount < $1.model.byteCount } ?? first
    return try LocatedModel(smallest.model, in: smallest.store)
  }
}
