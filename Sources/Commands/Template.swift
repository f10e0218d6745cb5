// SPDX-License-Identifier: Apache-2.0
// `impetus template`: a model's chat template, and what it makes of a conversation: exactly what the model would see.

import ArgumentParser
import Basics
import Library
import Models
import Templates
import Tokenizers

struct Template: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a model's chat template, and what the model sees of a conversation.",
    discussion: """
      Without options, the template's source. With --check, sample conversations are rendered: the text, the tokens it becomes,
      and which of them are control tokens; then what the template can do. With --messages, a conversation of one's own, in the
      form of OpenAI's API, is rendered in the same way.

      Examples:
        impetus template SmolLM2-135M-Instruct --check
        impetus template org/model --messages chat.json --tools tools.json
        impetus template org/model --messages - --set enable_thinking=false --json < chat.json
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @Flag(name: .long, help: "Render sample conversations and show what the model would see.")
  var check = false

  @Option(
    name: .long, help: ArgumentHelp("JSON with the messages to render; - is stdin.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var messages: String?

  @Option(
    name: .long, help: ArgumentHelp("JSON with the functions that the model may call.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var tools: String?

  @Option(
    name: .long,
    help: ArgumentHelp("A further variable of the template; may be given several times.", valueName: "name=value"))
  var set: [String] = []

  @Flag(name: .long, help: "End after the last message, not where the model's answer begins.")
  var noPrompt = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard !check || messages == nil else {
      throw ValidationError("--check has conversations of its own; leave --messages out")
    }
    guard messages != nil || (tools == nil && !noPrompt) else {
      throw ValidationError("--tools and --no-prompt go with --messages")
    }
    _ = try variables()
  }

  func run() throws {
    let folder = try storeOptions.locate(model).folder
    let tokenizer = try Tokenizer(folder: folder)
    let format = try ChatFormat(folder: folder, tokenizer: tokenizer)
    if check {
      return try TemplateCheck(format: format, tokenizer: tokenizer, variables: variables()).report(json: output.json)
    }
    guard let messages else { return show(source: format.template.source) }
    let conversation = try ChatMessage.list(try Self.document(messages))
    let functions = try tools.map(Self.document) ?? .array([])
    let rendered = try format.rendered(
      conversation, tools: (functions["tools"] ?? functions).arrayValue ?? [functions], variables: try variables(),
      addsGenerationPrompt: !noPrompt)
    let view = PromptView(rendered, tokenizer)
    if output.json { Output.standard.json(view.json) } else { Output.standard.line(view.text) }
  }

  private func show(source: String) {
    if output.json {
      Output.standard.json(["source": .string(source)])
    } else {
      Output.standard.line(Output.standard.isTerminal ? source.harmless : source)
    }
  }

  /// `--set`: what reads as JSON is that value, everything else a text.
  private func variables() throws -> JSONObject {
    var object = JSONObject()
    for item in set {
      guard let sign = item.firstIndex(of: "="), sign > item.startIndex else {
        throw ValidationError("--set takes name=value, not \"\(item)\"")
      }
      let value = String(item[item.index(after: sign)...])
      object[String(item[..<sign])] = (try? JSONReader.parse(Array(value.utf8))) ?? .string(value)
    }
    return object
  }

  /// Bytes of a file of messages at most.
  private static let limit = 64 << 20

  private static func document(_ path: String) throws -> JSONValue {
    let bytes = path == "-" ? StandardInput.all() : try Files.read(path, limit: limit)
    return try JSONReader.parse(bytes, limits: .lastKeyWins)
  }
}
