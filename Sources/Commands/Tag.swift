// SPDX-License-Identifier: Apache-2.0
// `impetus tag` and `cp`: further names for a model, here or in another store.

import ArgumentParser
import Basics
import Library
import Store

struct Tag: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Give a model a further name.",
    discussion: """
      A name costs a few hundred bytes: the contents are kept once. Removing one of the names leaves the others.

      Examples:
        impetus tag SmolLM2-135M-Instruct:q4 chat
        impetus tag org/model :tested
      """,
    aliases: ["alias"])

  @Argument(help: "The model.", completion: ModelCompletion.kind)
  var model: String

  @Argument(help: "The new name, or `:VARIANT` for another variant of the same model.")
  var name: String

  @Flag(name: .long, help: "Replace a model of the new name; it goes into the trash.")
  var force = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let store = try storeOptions.library().store
    let model = try store.resolve(model)
    output.show(try Naming.give(try Naming.reference(name, for: model), to: model, in: store, replaces: force))
  }
}

struct Copy: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp",
    abstract: "Copy a model to another name, or into another store.",
    discussion: """
      Within a store a copy is a further name, as `impetus tag` gives it. Into another store every file is copied, sharing
      blocks where the file system can, and compared with its digest; the model has the same digest there. A model of a store
      that is only read (IMPETUS_PATH) is copied into one's own.

      Examples:
        impetus cp SmolLM2-135M-Instruct:q4 chat
        impetus cp SmolLM2-135M-Instruct --to /mnt/archive
        impetus cp org/model mine:tested --to /srv/models
      """)

  @Argument(help: "The model.", completion: ModelCompletion.kind)
  var model: String

  @Argument(help: "The copy's name, or `:VARIANT`; the model's own in another store when it is left out.")
  var name: String?

  @Option(
    name: .long, help: ArgumentHelp("Folder of the store to copy into.", valueName: "folder"), completion: .directory)
  var to: String?

  @Flag(name: .long, help: "Replace a model of the same name; it goes into the trash.")
  var force = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func run() async throws {
    let library = try storeOptions.library()
    let (store, model) = try library.find(model)
    let reference = try name.map { try Naming.reference($0, for: model) } ?? model.reference
    let copy: StoredModel
    let target =
      try to.map { ModelStore(root: try StoreLocation.resolve(option: $0, environment: Environment.all)) }
      ?? library.store
    if target.layout != store.layout {
      let (bar, replaces) = (ProgressLine("copying", mode: progress.progress), force)
      copy = try await blocking { isCancelled in
        defer { bar.finish() }
        return try Copying(from: store, to: target).run(
          model, as: reference, replaces: replaces, progress: { bar.update(done: $0, total: $1) },
          isCancelled: isCancelled)
      }
      note("\(copy.reference.full) is in \(target.layout.root): \(Quantity.bytes(copy.byteCount))")
    } else {
      guard name != nil else { throw ValidationError("give the copy a name, or another store with --to") }
      copy = try Naming.give(reference, to: model, in: store, replaces: force)
    }
    output.show(copy)
  }
}

/// Names for what is there already.
enum Naming {
  /// A whole name, or `:VARIANT` of the same model.
  static func reference(_ text: String, for model: StoredModel) throws -> Reference {
    guard text.hasPrefix(":") else { return try Importing.reference(text) }
    return try Reference(
      organization: model.reference.organization, name: model.reference.name, variant: String(text.dropFirst()))
  }

  /// Gives a model of a store a further name, and says so.
  static func give(
    _ reference: Reference, to model: StoredModel, in store: ModelStore, replaces: Bool
  ) throws -> StoredModel {
    let named = try store.name(model, as: reference, replaces: replaces)
    note("\(named.reference.full) is \(model.reference.full), \(named.digest.short)")
    return named
  }
}
