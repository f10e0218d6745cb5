// SPDX-License-Identifier: Apache-2.0
// From the command line to an exit code: parses, runs, and prints a problem in at most three lines.

import ArgumentParser
import Basics
import Glibc
import Inference

/// The program's only way in and out.
public enum Entry {
  /// Runs the command that the arguments name, then ends the process.
  public static func run() async -> Never {
    // A reader that went away is reported by write(2); sockets must not kill a server.
    _ = signal(SIGPIPE, SIG_IGN)
    Interrupts.shared.start()
    do {
      var command = try Impetus.parseAsRoot()
      if let complaint = InstructionSets.complaint { note(complaint) }
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      Output.standard.flush()
      exit(ExitStatus.success.rawValue)
    } catch let problem as any Problem {
      Output.standard.flush()
      report(problem)
      exit(problem.status.rawValue)
    } catch is CancellationError {
      Output.standard.flush()
      exit(128 + SIGINT)
    } catch {
      Output.standard.flush()
      Impetus.exit(withError: error)
    }
  }

  /// What, why and what to do; one JSON object where the command was asked for JSON.
  static func report(_ problem: any Problem) {
    if CommandLine.arguments.contains("--json") {
      Output.error.line(JSONWriter.string(problem.json))
      return
    }
    let style = Style(for: .error)
    Output.error.line("\(style.red("impetus:")) \(problem.what.harmless)")
    if let why = problem.why { Output.error.line("  \(why.harmless)") }
    if let remedy = problem.remedy { Output.error.line("  try: \(remedy.harmless)") }
  }
}
