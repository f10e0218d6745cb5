// SPDX-License-Identifier: Apache-2.0
// `impetus version`: what was built, and what this machine lets it do.

import ArgumentParser
import Basics
import CKernels

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the version and what this machine offers.",
    discussion: """
      Examples:
        impetus version
        impetus version --json
      """)

  @OptionGroup var output: JSONOption

  func run() throws {
    let isa = String(cString: ck_isa_name(ck_isa_detect()))
    if output.json {
      Output.standard.json([
        "version": .string(Program.version), "cpu": .string(Processor.name), "isa": .string(isa),
        "cores": .integer(Int64(Processor.usableCores)), "memory_bytes": .integer(Int64(Memory.installed)),
      ])
    } else {
      Output.standard.line("impetus \(Program.version)")
      Output.standard.line("\(Processor.name), \(Processor.usableCores) cores, kernels: \(isa)")
    }
  }
}
