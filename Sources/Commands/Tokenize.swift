// SPDX-License-Identifier: Apache-2.0
// `impetus tokenize`: what a model sees of a text.

import ArgumentParser
import Basics
import Glibc
import Library
import Tokenizers

struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the tokens a model makes of a text.",
    discussion: """
      The text is the argument, or stdin when there is none. Control tokens in it are plain text unless --special is given.

      Examples:
        impetus tokenize ./model "Hello, world"
        impetus tokenize ./model --json < story.txt
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @Argument(help: "The text; stdin when it is left out.")
  var text: String?

  @Flag(name: .long, help: "Take control tokens in the text for what they are.")
  var special = false

  @Flag(name: .long, help: "Leave out the tokens that the model puts around a text.")
  var bare = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let tokenizer = try Tokenizer(folder: try storeOptions.locate(model).folder)
    let bytes = text.map { Array($0.utf8) } ?? StandardInput.all()
    let ids = tokenizer.encode(bytes: bytes, addSpecialTokens: !bare, parseSpecial: special)
    if output.json {
      Output.standard.json([
        "count": .integer(Int64(ids.count)), "ids": .array(ids.map { JSONValue($0) }),
        "tokens": .array(ids.map { .string(tokenizer.token(of: $0) ?? "") }),
      ])
      return
    }
    var table = Table([.init(heading: "id", isNumeric: true), .init(heading: "token"), .init(heading: "text")])
    for id in ids {
      let shown = JSONWriter.string(.string(tokenizer.decode([id])))
      table.add(["\(id)", tokenizer.token(of: id) ?? "", shown])
    }
    Output.standard.line(table.text(style: Style(for: .standard)))
    note("\(ids.count) tokens")
  }
}

/// Reading what is piped in.
enum StandardInput {
  /// Everything until the end.
  static func all() -> [UInt8] {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(0, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return content }
      content.append(contentsOf: buffer[..<count])
    }
  }
}
