// SPDX-License-Identifier: Apache-2.0
// tokenizer_config.json: the tokens with a role, the chat template, and which tokens were added to a model file.

internal import Basics

/// What tokenizer_config.json says; all of it may be missing.
public struct TokenizerConfiguration: Sendable, Equatable {
  /// A token of `added_tokens_decoder`.
  public struct AddedToken: Sendable, Equatable {
    public var id: TokenID
    public var text: String
    public var isSpecial: Bool
    public var stripsLeft: Bool
    public var stripsRight: Bool
    public var isSingleWord: Bool
    public var isNormalized: Bool
  }

  /// A chat template; unnamed when the file holds only one.
  public struct ChatTemplate: Sendable, Equatable {
    public var name: String?
    public var source: String
  }

  /// Texts of the tokens that begin and end a sequence, fill a batch and stand for the unknown.
  public var beginningToken: String?
  public var endToken: String?
  public var paddingToken: String?
  public var unknownToken: String?
  /// `add_bos_token` and `add_eos_token`, which matter for models without tokenizer.json.
  public var addsBeginning: Bool?
  public var addsEnd: Bool?
  public var chatTemplates: [ChatTemplate] = []
  public var addedTokens: [AddedToken] = []
  /// The name of the class in the `transformers` library.
  public var tokenizerClass: String?
  /// The longest text the model was made for, in tokens.
  public var longestText: Int?

  init() {}

  /// Reads the file of a folder; empty when there is none.
  init(folder: String) throws(TokenizerProblem) {
    let path = "\(folder)/tokenizer_config.json"
    do {
      let text = Files.isFile(path) ? try Files.read(path, limit: 1 << 26) : Array("{}".utf8)
      self.init(try JSONReader.parse(text, limits: .lastKeyWins))
    } catch let problem as FileProblem {
      throw .file(problem)
    } catch let problem as JSONProblem {
      throw .json(path: path, problem)
    } catch {
      throw .malformed(path: path, place: "the file", why: "\(error)")
    }
  }

  init(_ json: JSONValue) {
    beginningToken = Self.token(json["bos_token"])
    endToken = Self.token(json["eos_token"])
    paddingToken = Self.token(json["pad_token"])
    unknownToken = Self.token(json["unk_token"])
    addsBeginning = json["add_bos_token"]?.boolValue
    addsEnd = json["add_eos_token"]?.boolValue
    tokenizerClass = json["tokenizer_class"]?.stringValue
    longestText = json["model_max_length"]?.intValue
    if let source = json["chat_template"]?.stringValue {
      chatTemplates = [ChatTemplate(name: nil, source: source)]
    } else {
      chatTemplates = (json["chat_template"]?.arrayValue ?? []).compactMap { item in
        item["template"]?.stringValue.map { ChatTemplate(name: item["name"]?.stringValue, source: $0) }
      }
    }
    addedTokens = (json["added_tokens_decoder"]?.objectValue).map { object in object.compactMap(Self.added) } ?? []
    addedTokens.sort { $0.id < $1.id }
  }

  /// A token given as its text or as an object with its text.
  private static func token(_ json: JSONValue?) -> String? { json?.stringValue ?? json?["content"]?.stringValue }

  private static func added(_ key: String, _ json: JSONValue) -> AddedToken? {
    guard let id = TokenID(key), (0..<Vocabulary.idBound).contains(Int(id)), let text = json["content"]?.stringValue
    else { return nil }
    func flag(_ name: String) -> Bool { json[name]?.boolValue ?? false }
    return AddedToken(
      id: id, text: text, isSpecial: flag("special"), stripsLeft: flag("lstrip"), stripsRight: flag("rstrip"),
      isSingleWord: flag("single_word"), isNormalized: flag("normalized"))
  }
}
