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

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @Argument(help: "The text, a file; - is stdin.", completion: .file())
  var file: String

  @Option(name: .long, help: "Tokens of a window.")
  var context = 512

  @Option(name: .long, help: "Read no more than this many tokens of the text.")
  var maxTokens: Int?

  @Option(name: .long, help: "Threads; every usable core when it is left out.")
  var threads: Int?

  @OptionGroup var storeOptions: StoreOptions

  /// Tokens of a step: their logits are all kept, a megabyte each for large vocabularies.
  private static let stepTokens = 64
  private static let fileLimit = 1 << 30

  func validate() throws {
    guard (2...1 << 20).contains(context) else { throw ValidationError("--context takes 2 to 1048576") }
    if let maxTokens, maxTokens < 2 { throw ValidationError("--max-tokens takes 2 or more") }
    if let threads, !(1...256).contains(threads) { throw ValidationError("--threads takes 1 to 256") }
  }

  func run() throws {
    let folder = try storeOptions.usable(model).folder
    let tokenizer = try Tokenizer(folder: folder)
    let bytes = file == "-" ? StandardInput.all() : try Files.read(file, limit: Self.fileLimit)
    let tokens = tokenizer.encode(bytes: bytes, addSpecialTokens: false).prefix(maxTokens ?? .max)
    guard tokens.count > 1 else { throw CommandProblem.textTooShort(file: file, tokens: tokens.count) }
    var agreement = try Agreement(
      fast: try LoadedModel.load(folder: folder, options: options(precise: false)),
      precise: try LoadedModel.load(folder: folder, options: options(precise: true)))
    let result = try agreement.compare(
      Array(tokens), beginning: MeasurePerplexity.beginning(tokenizer), window: context)
    Output.standard.json([
      "places": JSONValue(result.places), "context": JSONValue(context),
      "mean_divergence": .number(result.meanDivergence), "largest_divergence": .number(result.largestDivergence),
      "top_agreement": .number(result.topAgreement), "perplexity_fast": .number(result.fastPerplexity),
      "perplexity_precise": .number(result.precisePerplexity),
    ])
  }

  private func options(precise: Bool) -> LoadedModel.Options {
    .init(precise: precise, threads: threads, contextLength: context, sequences: 1, stepTokens: Self.stepTokens)
  }
}
