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

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @Argument(help: "The text, a file; - is stdin.", completion: .file())
  var file: String

  @Option(name: .long, help: "Tokens of a window.")
  var context = 512

  @Option(name: .long, help: "Read no more than this many tokens of the text.")
  var maxTokens: Int?

  @Flag(name: .long, help: "Compute in float32, as `run --precise` does.")
  var precise = false

  @Option(
    name: .long,
    help: ArgumentHelp("Bits of a number of the key/value cache: 16, 8 or 4, as for `run`.", valueName: "bits"),
    completion: .list(["16", "8", "4"]))
  var kvBits = 16

  @Option(name: .long, help: "Threads; every usable core when it is left out.")
  var threads: Int?

  @OptionGroup var progressOption: ProgressOption
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  /// Tokens of a step: their logits are all kept, a megabyte each for large vocabularies.
  private static let stepTokens = 64
  private static let fileLimit = 1 << 30

  func validate() throws {
    guard (2...1 << 20).contains(context) else { throw ValidationError("--context takes 2 to 1048576") }
    if let maxTokens, maxTokens < 2 { throw ValidationError("--max-tokens takes 2 or more") }
    if let threads, !(1...256).contains(threads) { throw ValidationError("--threads takes 1 to 256") }
    _ = try CacheBits(option: kvBits, precise: precise)
  }

  func run() async throws {
    let folder = try storeOptions.usable(model).folder
    let bytes = file == "-" ? StandardInput.all() : try Files.read(file, limit: Self.fileLimit)
    let options = LoadedModel.Options(
      precise: precise, threads: threads, contextLength: context,
      kvBits: try CacheBits(option: kvBits, precise: precise), sequences: 1, stepTokens: Self.stepTokens)
    let progress = ProgressLine("scoring", mode: progressOption.progress, unit: .tokens)
    let begin = ContinuousClock.now
    let (result, count) = try await blocking { [self] isCancelled in
      let tokenizer = try Tokenizer(folder: folder)
      let tokens = Array(
        tokenizer.encode(bytes: bytes, addSpecialTokens: false, parseSpecial: false).prefix(maxTokens ?? .max))
      guard tokens.count > 1 else { throw CommandProblem.textTooShort(file: file, tokens: tokens.count) }
      var scoring = try Perplexity(try LoadedModel.load(folder: folder, options: options))
      let result = try scoring.score(tokens, beginning: Self.beginning(tokenizer), window: context) { done in
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

  /// What the tokenizer puts before a text.
  static func beginning(_ tokenizer: Tokenizer) -> [TokenID] {
    let (bare, whole) = (tokenizer.encode("a", addSpecialTokens: false), tokenizer.encode("a"))
    return whole.firstRange(of: bare).map { Array(whole[..<$0.lowerBound]) } ?? []
  }

  private func report(_ result: Perplexity.Result, tokens: Int, seconds: Double) {
    if output.json {
      Output.standard.json([
        "perplexity": .number(result.perplexity), "mean_loss": .number(result.mean),
        "standard_error": .number(result.standardError), "tokens": JSONValue(tokens), "scored": JSONValue(result.count),
        "windows": JSONValue(result.windows), "context": JSONValue(context), "precise": .bool(precise),
        "kv_bits": JSONValue(precise ? 32 : kvBits),
        "seconds": .number((seconds * 1000).rounded() / 1000),
      ])
      return
    }
    let spread = result.perplexity * result.standardError
    Output.standard.line(
      "\(Quantity.decimal(result.perplexity, places: 4)) ± \(Quantity.decimal(spread, places: 4))")
    note(
      "\(result.count) of \(tokens) tokens scored in \(result.windows) windows of \(context); \(Quantity.decimal(Double(tokens) / seconds, places: 0)) tokens a second"
    )
  }
}
