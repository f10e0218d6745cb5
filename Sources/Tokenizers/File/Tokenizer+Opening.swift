// SPDX-License-Identifier: Apache-2.0
// Opening the tokenizer of a model folder, whichever file describes it.

internal import Basics

extension Tokenizer {
  /// Opens the tokenizer of a model folder: tokenizer.json, else tokenizer.model, tekken.json or a .tiktoken file.
  public convenience init(folder: String) throws(TokenizerProblem) {
    let configuration = try TokenizerConfiguration(folder: folder)
    guard let name = Self.file(among: (try? Files.list(folder)) ?? []) else { throw .missing(folder: folder) }
    let path = "\(folder)/\(name)"
    let parts =
      switch name {
      case "tokenizer.json": try TokenizerFile.read(path)
      case "tokenizer.model": try SentencePieceFile.read(path, configuration)
      case "tekken.json": try TekkenFile.read(path)
      default: try TiktokenFile.read(path, configuration)
      }
    self.init(parts, configuration: configuration)
  }

  /// Which file of a model folder describes its tokenizer; nil when none does. Only tokenizer_config.json is read beside it.
  public static func file(among names: [String]) -> String? {
    ["tokenizer.json", "tokenizer.model", "tekken.json"].first(where: names.contains)
      ?? names.first { $0.hasSuffix(".tiktoken") }
  }

  /// Opens a tokenizer.json.
  public convenience init(file path: String) throws(TokenizerProblem) {
    self.init(try TokenizerFile.read(path), configuration: TokenizerConfiguration())
  }

  /// Opens a tokenizer.model of SentencePiece.
  public convenience init(sentencePiece path: String) throws(TokenizerProblem) {
    let configuration = TokenizerConfiguration()
    self.init(try SentencePieceFile.read(path, configuration), configuration: configuration)
  }

  /// Reads a tokenizer.json from memory.
  /// - Parameter name: what to call it in messages.
  public convenience init(json bytes: [UInt8], name: String = "tokenizer.json") throws(TokenizerProblem) {
    self.init(try TokenizerFile.read(bytes.span, path: name), configuration: TokenizerConfiguration())
  }
}
