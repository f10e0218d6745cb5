// SPDX-License-Identifier: Apache-2.0
// `impetus rm`, `restore` and `gc`: models out of the store, back again, and the room they took.

import ArgumentParser
import Basics
import Library
import Store

struct Remove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm",
    abstract: "Remove models from the store.",
    discussion: """
      A removed model goes into the trash: `impetus restore` brings it back until `impetus gc` frees its room, by default
      a week later. With --now its room is free at once.

      Examples:
        impetus rm SmolLM2-135M-Instruct:q4
        impetus rm org/model --now
      """)

  @Argument(help: "Names of models, with the variant unless it is `main`.", completion: ModelCompletion.kind)
  var models: [String]

  @Flag(name: .long, help: "Free the room at once; there is no way back.")
  var now = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let store = try storeOptions.library().store
    let found = try models.map { try exact($0, store) }
    for model in found { try store.remove(model) }
    var freed: Int?
    if now { freed = try store.collect(trashAge: 0).byteCount }
    if output.json {
      Output.standard.json([
        "removed": .array(found.map { .string($0.reference.description) }),
        "freed_bytes": freed.map { .integer(Int64($0)) } ?? .null,
      ])
      return
    }
    for model in found { note("removed \(model.reference.full)") }
    if let freed {
      note("\(Quantity.bytes(freed)) are free")
    } else {
      note("impetus restore brings it back; impetus gc --now frees the room")
    }
  }

  /// Removing takes whole names only: a beginning might mean something else than thought.
  private func exact(_ text: String, _ store: ModelStore) throws -> StoredModel {
    let model = try store.resolve(text)
    let query = try ReferenceQuery(text)
    guard query.name.lowercased() == model.reference.name.lowercased() else {
      throw StoreProblem.notFound(text, similar: [model.reference.description])
    }
    return model
  }
}

struct Restore: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring a removed model back out of the trash.",
    discussion: """
      Examples:
        impetus restore SmolLM2-135M-Instruct:q4
      """)

  @Argument(help: "The model's name.")
  var model: String

  @OptionGroup var storeOptions: StoreOptions

  func run() throws {
    let restored = try storeOptions.library().store.restore(model)
    note("\(restored.reference.full) is back")
  }
}

struct Collect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Free the room of files that no model needs.",
    discussion: """
      Removes contents that no model uses, files of interrupted work, downloads that nobody went on with for a week, and
      models that have been in the trash for a week. Waits for nobody: while a model is being added it refuses.

      Examples:
        impetus gc --dry-run
        impetus gc --now
      """,
    aliases: ["prune"])

  @Flag(name: .long, help: "Say what would be removed, and remove nothing.")
  var dryRun = false

  @Flag(name: .long, help: "Empty the trash and drop all unfinished downloads, however young.")
  var now = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let week = 7 * 86400
    let collected = try storeOptions.library().store.collect(
      trashAge: now ? 0 : week, partsAge: now ? 0 : week, isDryRun: dryRun)
    if output.json {
      Output.standard.json([
        "dry_run": .bool(dryRun), "blobs": .integer(Int64(collected.blobs)),
        "trashed": .integer(Int64(collected.trashed)), "unfinished": .integer(Int64(collected.unfinished)),
        "bytes": .integer(Int64(collected.byteCount)),
      ])
      return
    }
    let verb = dryRun ? "would be freed" : "are free"
    Output.standard.line(
      "\(Quantity.bytes(collected.byteCount)) \(verb): \(collected.blobs) files, \(collected.trashed) models of the trash, \(collected.unfinished) unfinished"
    )
  }
}
