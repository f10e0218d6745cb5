// SPDX-License-Identifier: Apache-2.0
// `impetus debug manual` and `completions`: what `make man completions` writes into the repository.

import ArgumentParser
import Basics

struct DebugManual: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual", abstract: "Write the manual pages.")

  @Option(name: .long, help: ArgumentHelp("Folder to write to.", valueName: "folder"), completion: .directory)
  var output: String

  func run() throws { try GeneratedFiles.write(GeneratedFiles.manual(), to: output) }
}

struct DebugCompletions: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Write the shell completions.")

  @Option(name: .long, help: ArgumentHelp("Folder to write to.", valueName: "folder"), completion: .directory)
  var output: String

  func run() throws { try GeneratedFiles.write(GeneratedFiles.completions(), to: output) }
}

/// Files made from the command definitions; committed, and compared by a test.
public enum GeneratedFiles {
  /// A file's name and text.
  public typealias File = (name: String, text: String)

  /// The manual pages.
  public static func manual() throws -> [File] { try ManualPage.all().map { ($0.fileName, $0.text) } }

  /// The completion scripts.
  public static func completions() -> [File] { Completions.all().map { ($0.fileName, $0.text) } }

  /// Puts files into a folder.
  static func write(_ files: [File], to folder: String) throws {
    try Files.makeFolders(folder)
    for file in files { try AtomicFile.write(Array(file.text.utf8), to: "\(folder)/\(file.name)") }
  }
}
