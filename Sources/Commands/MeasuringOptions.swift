// SPDX-License-Identifier: Apache-2.0
// What the commands share that measure a model over a text: the text in windows, and the cache.

import ArgumentParser
import Basics
import Inference
import Library
import Tokenizers

/// A model and the text it reads, in windows that know nothing of each other.
struct TextOptions: ParsableArguments {
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

  private static let fileLimit = 1 << 30

  func validate() throws {
    guard (2...1 << 20).contains(context) else { throw ValidationError("--context takes 2 to 1048576") }
    if let maxTokens, maxTokens < 2 { throw ValidationError("--max-tokens takes 2 or more") }
    if let threads, !(1...256).contains(threads) { throw ValidationError("--threads takes 1 to 256") }
  }

  /// The text.
  func bytes() throws -> [UInt8] { file == "-" ? StandardInput.all() : try Files.read(file, limit: Self.fileLimit) }

  /// Its tokens, two at least.
  /// - Parameter parseSpecial: whether the texts of special tokens mean them.
  func tokens(of bytes: [UInt8], _ tokenizer: Tokenizer, parseSpecial: Bool) throws -> [TokenID] {
    let tokens = tokenizer.encode(bytes: bytes, addSpecialTokens: false, parseSpecial: parseSpecial)
      .prefix(maxTokens ?? .max)
    guard tokens.count > 1 else { throw CommandProblem.textTooShort(file: file, tokens: tokens.count) }
    return Array(tokens)
  }

  /// What the tokenizer puts before a text.
  static func beginning(_ tokenizer: Tokenizer) -> [TokenID] {
    let (bare, whole) = (tokenizer.encode("a", addSpecialTokens: false), tokenizer.encode("a"))
    return whole.firstRange(of: bare).map { Array(whole[..<$0.lowerBound]) } ?? []
  }

  /// How the model is opened. All logits of a step are kept, a megabyte a token for large vocabularies: steps are short.
  func modelOptions(precise: Bool, kvBits: CacheBits = .sixteen) -> LoadedModel.Options {
    LoadedModel.Options(
      precise: precise, threads: threads, contextLength: context, kvBits: kvBits, sequences: 1, stepTokens: 64)
  }
}

/// Bits of the key/value cache.
struct CacheOption: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Bits of a number of the key/value cache: 16, or 8 and 4 (keys keep 8) for longer texts in the same memory.",
      valueName: "bits"),
    completion: .list(["16", "8", "4"]))
  var kvBits = 16

  /// What they mean.
  /// - Throws: `ValidationError` for another number, and for one that float32 excludes.
  func bits(precise: Bool) throws -> CacheBits {
    guard let bits = CacheBits(rawValue: kvBits) else { throw ValidationError("--kv-bits takes 16, 8 or 4") }
    guard !precise || bits == .sixteen else {
      throw ValidationError("--precise keeps keys and values in float32: leave out --kv-bits")
    }
    return bits
  }
}
