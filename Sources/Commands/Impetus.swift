// SPDX-License-Identifier: Apache-2.0
// The command tree.

public import ArgumentParser
import Basics

/// The program as the parser sees it: a subcommand for each thing it does.
public struct Impetus: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: Program.name,
    abstract: "Language models on this machine's processor.",
    discussion: """
      Examples:
        impetus run ./model "What is gravity?"
        impetus tokenize ./model "Hello, world"
        impetus help tokenize
      """,
    version: Program.version,
    subcommands: [Run.self, Tokenize.self, Version.self, Debug.self])

  public init() {}
}
