// SPDX-License-Identifier: Apache-2.0
// `impetus debug agreement`: how far the fast path is from --precise on the same weights (docs/precision.md).

import ArgumentParser
import Basics
import Inference
import Library
import Tokenizers

struct DebugAgreement: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agreement", abstract: "Compare the fast path with --precise over a text.",
    discussion: """
      The model is opened twice. The text is cut into windows of --context tokens, which know nothing of each other; at \
      each token the two distributions of the next one are compared.

      Examples:
        impetus debug agreement Qwen2.5-Coder-0.5B-Instruct:q4 book.txt --max-tokens 8192
      """)

  @OptionGroup var text: TextOptions
  @OptionGroup var storeOptions: StoreOptions

  func run() throws {
    let folder = try storeOptions.usable(text.model).folder
    let tokenizer = try Tokenizer(folder: folder)
    let tokens = try text.tokens(of: try text.bytes(), tokenizer, parseSpecial: true)
    var agreement = try Agreement(
      fast: try LoadedModel.load(folder: folder, options: text.modelOptions(precise: false)),
      precise: try LoadedModel.load(folder: folder, options: text.modelOptions(precise: true)))
    let result = try agreement.compare(tokens, beginning: TextOptions.beginning(tokenizer), window: text.context)
    Output.standard.json([
      "places": JSONValue(result.places), "context": JSONValue(text.context),
      "mean_divergence": .number(result.meanDivergence), "largest_divergence": .number(result.largestDivergence),
      "top_agreement": .number(result.topAgreement), "perplexity_fast": .number(result.fastPerplexity),
      "perplexity_precise": .number(result.precisePerplexity),
    ])
  }
}
