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
    var found: [StoredModel] = []
    var damaged: [Reference] = []
    for text in models {
      do { found.append(try exact(text, store)) } catch let problem as StoreProblem {
        // What cannot be read cannot come back either: its reference goes, so that it is in nobody's way.
        guard case .damagedManifest = problem, let reference = try store.removeDamaged(text) else { throw problem }
        damaged.append(reference)
      }
    }
    var freed: Int?
    if now { freed = try store.erase(found) } else { for model in found { try store.remove(model) } }
    if output.json {
      Output.standard.json([
        "removed": .array((found.map(\.reference) + damaged).map { .string($0.description) }),
        "freed_bytes": freed.map { .integer(Int64($0)) } ?? .null,
      ])
      return
    }
    for model in found { note("removed \(model.reference.full)") }
    for reference in damaged { note("removed the damaged reference of \(reference.full); impetus gc frees its room") }
    if let freed {
      note("\(Quantity.bytes(freed)) are free")
    } else if !found.isEmpty {
      note("impetus restore brings it back; impetus gc --now frees the room")
    }
  }

  /// Removing takes whole names only: a beginning might mean something else than thought.
  private func exact(_ text: String, _ store: ModelStore) throws -> StoredModel {
    let model = try store.resolve(text)
    let query = try ReferenceQuery(text)
    guard query.name.lowercased() == model.reference.name.lowercased(),
      query.variant ?? Reference.mainVariant == model.reference.variant
    else {
      throw StoreProblem.notFound(text, similar: [model.reference.description])
    }
    return model
  }
}

struct Restore: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring a removed or replaced model back out of the trash.",
    discussion: """
      What was removed last under the name comes back; a version after @ tells which it has to be. A model that update, pull
      or --force replaced lies in the trash too: --force puts it back in the place of the present one.

      Examples:
        impetus restore SmolLM2-135M-Instruct:q4
        impetus restore org/model@0123abcd --force
      """)

  @Argument(help: "The model's name.", completion: ModelCompletion.trashed)
  var model: String

  @Flag(name: .long, help: "Put what has the name now into the trash.")
  var force = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let restored = try storeOptions.library().store.restore(model, replaces: force)
    note("\(restored.reference.full) is back")
    output.show(restored)
  }
}

struct Collect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Free the room of files that no model needs.",
    discussion: """
      Removes contents that no model uses, files of interrupted work, unfinished downloads and models in the trash, all of
      them only when nobody has touched them for the time of grace, a week. Packed weights, which the engine keeps so that a
      model is ready at once, go with their model; --packed drops those of all models. Waits for nobody: while a model is being added it
      refuses with exit code 7.

      Examples:
        impetus gc --dry-run
        impetus gc --grace 12h
        impetus gc --now
      """,
    aliases: ["prune"])

  @Flag(name: .long, help: "Say what would be removed, and remove nothing.")
  var dryRun = false

  @Option(
    name: .long, help: ArgumentHelp("What is younger stays, such as 12h or 30d.", valueName: "time"),
    transform: DurationArgument.parse)
  var grace = 7 * 86400

  @Flag(name: .long, help: "Drop everything that no model needs, however young: --grace 0s.")
  var now = false

  @Flag(name: .long, help: "Drop the packed weights of all models; their next start packs again.")
  var packed = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let age = now ? 0 : grace
    let collected = try storeOptions.library().store.collect(
      trashAge: age, partsAge: age, contentAge: age, dropsPacked: packed, isDryRun: dryRun)
    if output.json {
      Output.standard.json([
        "dry_run": .bool(dryRun), "blobs": .integer(Int64(collected.blobs)),
        "trashed": .integer(Int64(collected.trashed)), "unfinished": .integer(Int64(collected.unfinished)),
        "packed": .integer(Int64(collected.packed)),
        "bytes": .integer(Int64(collected.byteCount)),
      ])
      return
    }
    let verb = dryRun ? "would be freed" : "are free"
    Output.standard.line(
      "\(Quantity.bytes(collected.byteCount)) \(verb): \(collected.blobs) files, \(collected.trashed) models of the trash, \(collected.unfinished) unfinished, \(collected.packed) packed weights"
    )
  }
}

/// Times as people write them.
enum DurationArgument {
  /// `90s`, `45m`, `12h`, `30d`, `2w`; a number alone is seconds.
  static func parse(_ text: String) throws -> Int {
    let units = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400]
    let unit = text.last.flatMap { units[String($0)] }
    guard let value = Int(unit == nil ? text : String(text.dropLast())), (0...1_000_000).contains(value) else {
      throw ValidationError("\"\(text)\" is no time, such as 12h or 30d")
    }
    return value * (unit ?? 1)
  }
}
