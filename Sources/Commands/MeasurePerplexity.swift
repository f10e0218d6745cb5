// SPDX-License-Identifier: Apache-2.0
// `impetus perplexity`: how well a model foretells a text; by it quantizations are compared.

import ArgumentParser
import Basics
import Inference
import Library
import Tokenizers

struct MeasurePerplexity: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity",
    abstract: "Measure how well a model foretells a text.",
    discussion: """
      The text is cut into windows of --context tokens, which know nothing of each other; every token but the first of each is \
      scored, or all of them behind the token with which the model's texts begin. The lower, the better: compare variants of one \
      model on one text, with the same --context.

      Examples:
        impetus perplexity SmolLM2-135M-Instruct:q4 book.txt
        impetus perplexity org/model book.txt --precise --context 2048 --json
      """)

  @OptionGroup var text: TextOptions

  @Flag(name: .long, help: "Compute in float32, as `run --precise` does.")
  var precise = false

  @OptionGroup var cache: CacheOption
  @OptionGroup var progressOption: ProgressOption
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func validate() throws { _ = try cache.bits(precise: precise) }

  func run() async throws {
    let folder = try storeOptions.usable(text.model).folder
    let bytes = try text.bytes()
    let options = text.modelOptions(precise: precise, kvBits: try cache.bits(precise: precise))
    let progress = ProgressLine("scoring", mode: progressOption.progress, unit: .tokens)
    let begin = ContinuousClock.now
    let (result, count) = try await blocking { [self] isCancelled in
      let tokenizer = try Tokenizer(folder: folder)
      let tokens = try text.tokens(of: bytes, tokenizer, parseSpecial: false)
      var scoring = try Perplexity(try LoadedModel.load(folder: folder, options: options))
      let result = try scoring.score(tokens, beginning: TextOptions.beginning(tokenizer), window: text.context) {
        done in
        progress.update(done: done, total: tokens.count)
        return !isCancelled()
      }
      if isCancelled() { throw CancellationError() }
      return (result, tokens.count)
    }
    progress.finish()
    let time = (ContinuousClock.now - begin).components
    report(result, tokens: count, seconds: Double(time.seconds) + Double(time.attoseconds) * 1e-18)
  }

  private func report(_ result: Perplexity.Result, tokens: Int, seconds: Double) {
    if output.json {
      Output.standard.json([
        "perplexity": .number(result.perplexity), "mean_loss": .number(result.mean),
        "standard_error": .number(result.standardError), "tokens": JSONValue(tokens), "scored": JSONValue(result.count),
        "windows": JSONValue(result.windows), "context": JSONValue(text.context), "precise": .bool(precise),
        "kv_bits": JSONValue(precise ? 32 : cache.kvBits),
        "seconds": .number((seconds * 1000).rounded() / 1000),
      ])
      return
    }
    let spread = result.perplexity * result.standardError
    Output.standard.line(
      "\(Quantity.decimal(result.perplexity, places: 4)) ± \(Quantity.decimal(spread, places: 4))")
    note(
      "\(result.count) of \(tokens) tokens scored in \(result.windows) windows of \(text.context); \(Quantity.decimal(Double(tokens) / seconds, places: 0)) tokens a second"
    )
  }
}
