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
}

/// `--store`, where a command looks for models.
struct StoreOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("Folder of the model store; else IMPETUS_HOME or the user's own.", valueName: "folder"),
    completion: .directory)
  var store: String?

  /// The models of the chosen store, which is made when something is first written to it.
  func library() throws -> ModelLibrary {
    ModelLibrary(root: try StoreLocation.resolve(option: store, environment: Environment.all))
  }

  /// The model that a text means; says on stderr which it is when that is not plain.
  func locate(_ text: String) throws -> LocatedModel {
    let model = try library().locate(text)
    if let stored = model.stored, stored.reference.description != text { announce(stored) }
    return model
  }

  /// The model named, else the one of the configuration, else the only one there is.
  func locate(orDefault text: String?) throws -> LocatedModel {
    if let text { return try locate(text) }
    if let name = try Configuration.load().defaultModel { return try locate(name) }
    let model = try library().onlyModel()
    if let stored = model.stored { announce(stored) }
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
    guard let root = try? StoreLocation.resolve(option: nil, environment: Environment.all) else { return [] }
    return ((try? ModelStore(root: root).models()) ?? []).map(\.reference.description)
  }
}

/// A note for the person at the terminal; never on stdout.
func note(_ text: String) { Output.error.line(text.harmless) }
