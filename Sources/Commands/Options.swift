// SPDX-License-Identifier: Apache-2.0
// Options that several commands share.

import ArgumentParser
import Basics
import Library
import Store

/// `--json`, where a command lists or shows.
struct JSONOption: ParsableArguments {
  @Flag(name: .long, help: "Print JSON on stdout instead of text; errors become JSON on stderr.")
  var json = false

  /// Prints what a listing holds of a model, where JSON was asked for.
  func show(_ model: StoredModel) {
    if json { Output.standard.json(.object(ModelJSON.summary(model))) }
  }
}

/// `--store`, where a command looks for models.
struct StoreOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Folder of the model store, and of no other; else IMPETUS_HOME or the user's own, then IMPETUS_PATH.",
      valueName: "folder"),
    completion: .directory)
  var store: String?

  /// The models of the chosen store, which is made when something is first written to it, and of those that are only
  /// read. A folder that its group may write to is shared: what is made in it is for the group too.
  func library() throws -> ModelLibrary {
    let environment = Environment.all
    let root = try StoreLocation.resolve(option: store, environment: environment)
    Files.setNewFileRights(forGroup: Files.facts(root, followsLinks: true)?.isGroupWritable ?? false)
    let others = store == nil ? StoreLocation.searchPath(own: root, environment: environment) : []
    return ModelLibrary(root: root, others: others)
  }

  /// Models by their names, all of one store.
  /// - Throws: also when they lie in several.
  func models(_ texts: [String]) throws -> (store: ModelStore, models: [StoredModel]) {
    let library = try library()
    let found = try texts.map { try library.find($0) }
    guard let first = found.first else { return (library.store, []) }
    guard found.allSatisfy({ $0.store.layout == first.store.layout }) else {
      throw ValidationError("these models lie in several stores; name one with --store")
    }
    return (first.store, found.map(\.model))
  }

  /// Models of one's own store by their names; all when none is named.
  func own(_ texts: [String]) throws -> (library: ModelLibrary, models: [StoredModel]) {
    let library = try library()
    let store = library.store
    return (library, try texts.isEmpty ? store.models() : texts.map { try store.resolve($0) })
  }

  /// The model that a text means; says on stderr which it is when that is not plain.
  func locate(_ text: String) throws -> LocatedModel {
    let model = try library().locate(text)
    if let stored = model.stored, stored.reference.description != text { announce(stored) }
    return model
  }

  /// The model that a text means, to be run: policies are asked about it.
  func usable(_ text: String) throws -> LocatedModel {
    let model = try locate(text)
    try Policies.load(environment: Environment.all).check(try PolicySubject(model))
    return model
  }

  /// The model named, else the one of the configuration, else the only one there is, to be run.
  func usable(orDefault text: String?) throws -> LocatedModel {
    if let text = try text ?? Configuration.load().defaultModel { return try usable(text) }
    let model = try library().onlyModel()
    if let stored = model.stored { announce(stored) }
    try Policies.load(environment: Environment.all).check(try PolicySubject(model))
    return model
  }

  private func announce(_ stored: StoredModel) {
    let commit = stored.revision.map { " at \($0.prefix(8))" } ?? ""
    note("using \(stored.reference.full)\(commit), \(stored.digest.short)")
  }
}

/// `--progress`, where a command takes a while.
struct ProgressOption: ParsableArguments {
  @Option(name: .long, help: "How progress is shown on stderr: auto, none, plain, ansi or json.")
  var progress: ProgressMode = .auto
}

/// Names of the store's models, for completion.
enum ModelCompletion {
  /// Offers models of the default store and folders.
  static let kind = CompletionKind.custom { _, _, _ in
    guard let library = library() else { return [] }
    return Set(library.stores.flatMap { (try? $0.names()) ?? [] }).sorted().map(\.description)
  }

  /// Offers models of the trash.
  static let trashed = CompletionKind.custom { _, _, _ in
    ((try? library()?.store.trashedNames()) ?? []).map(\.description)
  }

  /// The stores that the environment names; a store that was given as an option is not known here.
  private static func library() -> ModelLibrary? {
    let environment = Environment.all
    guard let root = try? StoreLocation.resolve(option: nil, environment: environment) else { return nil }
    return ModelLibrary(root: root, others: StoreLocation.searchPath(own: root, environment: environment))
  }
}

/// A note for the person at the terminal; never on stdout.
func note(_ text: String) { Output.error.line(text.harmless) }
