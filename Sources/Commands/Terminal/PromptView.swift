// SPDX-License-Identifier: Apache-2.0
// A rendered conversation for people to look at: the text, and the tokens the model gets.

import Basics
import Tokenizers

/// What a model would see.
struct PromptView {
  /// Neighbouring tokens of one kind.
  private struct Run {
    var first: Int
    var isControl: Bool
    var ids: [TokenID]
  }

  private let rendered: String
  private let ids: [TokenID]
  private let tokenizer: Tokenizer
  private let controls: Set<TokenID>

  init(_ prompt: (text: String, tokens: [TokenID]), _ tokenizer: Tokenizer) {
    (rendered, ids) = prompt
    self.tokenizer = tokenizer
    let added = tokenizer.addedTokenTexts
    let names = Set(added.map(\.text))
    controls = Set(prompt.tokens.filter { id in tokenizer.token(of: id).map(names.contains) ?? false })
  }

  /// Tokens that the tokenizer lists as added ones.
  var controlCount: Int { ids.count { controls.contains($0) } }

  /// Each control token by itself, the texts between them whole.
  private var runs: [Run] {
    var runs: [Run] = []
    for (place, id) in ids.enumerated() {
      let isControl = controls.contains(id)
      if !isControl, let last = runs.last, !last.isControl {
        runs[runs.count - 1].ids.append(id)
      } else {
        runs.append(Run(first: place, isControl: isControl, ids: [id]))
      }
    }
    return runs
  }

  private func spelled(_ run: Run) -> String {
    run.isControl ? tokenizer.token(of: run.ids[0]) ?? "" : tokenizer.decode(run.ids)
  }

  /// A table of the runs, control tokens emphasised where the terminal can, and the counts.
  var text: String {
    let style = Style(for: .standard)
    var table = Table([
      .init(heading: "from", isNumeric: true), .init(heading: "tokens", isNumeric: true), .init(heading: "kind"),
      .init(heading: "text"),
    ])
    for run in runs {
      let shown = JSONWriter.string(.string(spelled(run)))
      table.add([
        "\(run.first)", "\(run.ids.count)", run.isControl ? "control" : "text",
        run.isControl ? "\(shown)  \(run.ids[0])" : shown,
      ])
    }
    let count = "\(ids.count) token\(ids.count == 1 ? "" : "s"), \(controlCount) of them control tokens"
    let shown = Output.standard.isTerminal ? rendered.harmless : rendered
    return shown + "\n" + style.dim(String(repeating: "-", count: 40)) + "\n" + table.text(style: style) + "\n" + count
  }

  var json: JSONValue {
    [
      "text": .string(rendered), "tokens": .array(ids.map { JSONValue($0) }),
      "runs": .array(
        runs.map { run in
          [
            "from": JSONValue(run.first), "control": .bool(run.isControl), "text": .string(spelled(run)),
            "ids": .array(run.ids.map { JSONValue($0) }),
          ]
        }),
    ]
  }
}
