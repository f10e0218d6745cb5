// SPDX-License-Identifier: Apache-2.0
// The models of this machine, by name or by folder: what every command begins with.

internal import Basics
internal import Models
public import Store

/// A model's folder, and what the store knows of it.
public struct LocatedModel: Sendable {
  /// The folder with its files.
  public let folder: String
  /// Its name: the reference, or the folder as it was given.
  public let name: String
  /// Set for a model of the store.
  public let stored: StoredModel?
}

/// The models of a store, and folders beside it.
public struct ModelLibrary: Sendable {
  /// Where models are kept.
  public let store: ModelStore

  public init(root: String) { store = ModelStore(root: root) }

  /// Whether a text is meant as a path: it begins as one.
  public static func isPath(_ text: String) -> Bool {
    text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../") || text == "." || text == ".."
      || text.hasPrefix("~/")
  }

  /// Finds a model by reference or path.
  ///
  /// A text that begins as a path is one. Anything else is a name in the store, and only when the store
  /// has none, a folder below the present one.
  /// - Throws: `StoreProblem`, `ModelProblem.notAModel`, `FileProblem`.
  public func locate(_ text: String) throws -> LocatedModel {
    if Self.isPath(text) {
      guard Files.kind(text) != nil else { throw FileProblem.notFound(path: text) }
      return LocatedModel(folder: text, name: text, stored: nil)
    }
    do {
      let model = try store.resolve(text)
      return LocatedModel(folder: try store.snapshot(model), name: model.reference.description, stored: model)
    } catch let problem as StoreProblem {
      if Files.isFile("\(text)/config.json") { return LocatedModel(folder: text, name: text, stored: nil) }
      throw problem
    }
  }

  /// The model to use when none is named: the only one there is, or the only one in its smallest form.
  /// - Throws: `StoreProblem` saying that a name is needed.
  public func onlyModel() throws -> LocatedModel {
    let models = try store.models()
    guard let first = models.first else { throw StoreProblem.empty(path: store.layout.root) }
    guard Set(models.map(\.reference.model)).count == 1 else {
      throw StoreProblem.ambiguous("no model was named, which", candidates: models.map(\.reference.description))
    }
    let smallest = models.min { $0.byteCount < $1.byteCount } ?? first
    return try locate(smallest.reference.full)
  }
}
