// SPDX-License-Identifier: Apache-2.0
// Opening the tokenizer of a model folder, whichever file describes it.

internal import Basics

extension Tokenizer {
  /// Opens the tokenizer of a model folder: tokenizer.json, else tokenizer.model, tekken.json or a .tiktoken file.
  public convenience init(folder: String) throws(TokenizerProblem) {
    let configuration = try TokenizerConfiguration(folder: folder)
    let names = (try? Files.list(folder)) ?? []
    let parts: TokenizerParts
    if names.contains("tokenizer.json") {
      parts = try TokenizerFile.read("\(folder)/tokenizer.json")
    } else if names.contains("tokenizer.model") {
      parts = try SentencePieceFile.read("\(folder)/tokenizer.model", configuration)
    } else if names.contains("tekken.json") {
      parts = try TekkenFile.read("\(folder)/tekken.json")
    } else if let name = names.first(where: { $0.hasSuffix(".tiktoken") }) {
      parts = try TiktokenFile.read("\(folder)/\(name)", configuration)
    } else {
      throw .missing(folder: folder)
    }
    self.init(parts, configuration: configuration)
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
