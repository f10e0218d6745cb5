// SPDX-License-Identifier: Apache-2.0
// `impetus debug`: windows into single parts for developers of any engine (docs/debug.md).

import ArgumentParser
import Basics

struct Debug: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look into single parts: JSON lines in, JSON lines out.",
    discussion: """
      Models and tokenizers are given as folders, no store is needed; `agreement` takes a name too. The lines are described in \
      docs/debug.md.

      Examples:
        echo '{"text":"Hello"}' | impetus debug tokenize --tokenizer ./model
        impetus debug template < cases.jsonl
      """,
    subcommands: [
      DebugForwardCommand.self, DebugTokenize.self, DebugTemplate.self, DebugTextSpeed.self,
      DebugAgreement.self, DebugManual.self, DebugCompletions.self,
    ])
}

/// Reads questions from stdin and prints an answer to each, in order. Answers are ASCII: readers that know more line
/// ends than U+000A (U+2028, U+0085) would otherwise cut them.
func answerLines(_ answer: (JSONValue) throws -> JSONValue) throws {
  var number = 0
  while let line = readLine(strippingNewline: true) {
    number += 1
    if line.isEmpty { continue }
    let question: JSONValue
    do {
      question = try JSONReader.parse(line)
    } catch {
      throw CommandProblem.invalidLine(number: number, why: error.description)
    }
    Output.standard.line(JSONWriter.string(try answer(question), options: .init(asciiOnly: true)))
  }
}
