// SPDX-License-Identifier: Apache-2.0
// `impetus du`: which model takes how much room, and what could be had back.

import ArgumentParser
import Basics
import Library
import Store

struct DiskUsage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "du",
    abstract: "Show how much room models take, and how much of it is shared.",
    discussion: """
      Shared bytes are also those of other models and stay when one of them goes; unique bytes are not. Reclaimable bytes
      come free when the model is removed: unique ones that no other program has a hard link to. The trash and what no
      model needs are freed by `impetus gc`.

      Examples:
        impetus du
        impetus du --json
      """)

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let store = try storeOptions.library().store
    let usage = try store.usage()
    if output.json {
      Output.standard.json(json(usage, store))
      return
    }
    var table = Table([
      .init(heading: "name"), .init(heading: "size", isNumeric: true), .init(heading: "shared", isNumeric: true),
      .init(heading: "unique", isNumeric: true), .init(heading: "reclaimable", isNumeric: true),
    ])
    for entry in usage.entries {
      table.add([
        entry.model.reference.description + (entry.isTrashed ? " (in the trash)" : ""), Quantity.bytes(entry.byteCount),
        Quantity.bytes(entry.sharedByteCount), Quantity.bytes(entry.uniqueByteCount),
        Quantity.bytes(entry.reclaimableByteCount),
      ])
    }
    if !usage.entries.isEmpty { Output.standard.line(table.text(style: Style(for: .standard))) }
    Output.standard.line(
      "\(Quantity.bytes(usage.byteCount)) in all; gc can free \(Quantity.bytes(usage.reclaimableByteCount)):"
        + " trash \(Quantity.bytes(usage.trashByteCount)), not needed \(Quantity.bytes(usage.unneededByteCount)),"
        + " unfinished \(Quantity.bytes(usage.unfinishedByteCount))")
    if usage.damagedCount > 0 { note("\(usage.damagedCount) references cannot be read; impetus verify names them") }
  }

  private func json(_ usage: ModelStore.Usage, _ store: ModelStore) -> JSONValue {
    [
      "store": .string(store.layout.root), "size_bytes": .integer(Int64(usage.byteCount)),
      "reclaimable_bytes": .integer(Int64(usage.reclaimableByteCount)),
      "trash_bytes": .integer(Int64(usage.trashByteCount)),
      "unneeded_bytes": .integer(Int64(usage.unneededByteCount)),
      "unfinished_bytes": .integer(Int64(usage.unfinishedByteCount)),
      "damaged_references": .integer(Int64(usage.damagedCount)),
      "models": .array(
        usage.entries.map { entry in
          [
            "name": .string(entry.model.reference.description), "digest": .string(entry.model.digest.description),
            "in_trash": .bool(entry.isTrashed), "size_bytes": .integer(Int64(entry.byteCount)),
            "shared_bytes": .integer(Int64(entry.sharedByteCount)),
            "unique_bytes": .integer(Int64(entry.uniqueByteCount)),
            "reclaimable_bytes": .integer(Int64(entry.reclaimableByteCount)),
          ]
        }),
    ]
  }
}
