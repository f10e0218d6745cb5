// SPDX-License-Identifier: Apache-2.0
// What commands share: where the store is, and how they speak to people and programs.

import ArgumentParser
import Basics
import Library
import Store

/// Options that every command about models takes.
struct StoreOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Folder of the model store.", valueName: "folder"), completion: .directory)
  var store: String?

  /// The library on the chosen store; the folder is made when it is first written to.
  func library() throws -> ModelLibrary {
    try ModelLibrary(root: StoreLocation.resolve(option: store, environment: Environment.all))
  }
}

/// `--json`, where a command lists or shows.
struct JSONOption: ParsableArguments {
  @Flag(name: .long, help: "Print JSON on stdout instead of text; errors become JSON on stderr.")
  var json = false
}

/// `--progress`, where a command takes a while.
struct ProgressOption: ParsableArguments {
  @Option(name: .long, help: "How progress is shown on stderr: auto, none, plain, ansi or json.")
  var progress: ProgressMode = .auto
}

/// A note for the person at the terminal; never on stdout.
func note(_ text: String) { Output.error.line(text) }
