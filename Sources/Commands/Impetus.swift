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
        impetus pull HuggingFaceTB/SmolLM2-135M-Instruct
        impetus quantize SmolLM2-135M-Instruct --bits 4
        impetus run SmolLM2-135M-Instruct:q4 "What is gravity?"
        impetus help quantize
      """,
    version: Program.version,
    subcommands: [
      Search.self, PlanCommand.self, Pull.self, Push.self, Import.self, Adopt.self, List.self, Show.self, Path.self,
      Verify.self, Repair.self,
      DiskUsage.self,
      Tag.self,
      Copy.self, Diff.self, Lock.self, Sync.self, Outdated.self, Update.self, Doctor.self, Quantize.self,
      Convert.self, Fuse.self, Run.self, Serve.self, Share.self,
      Bench.self,
      MeasurePerplexity.self, Tokenize.self, Template.self, Embed.self,
      Remove.self, Restore.self, Export.self, Collect.self, Version.self, Debug.self,
    ])

  public init() {}
}
