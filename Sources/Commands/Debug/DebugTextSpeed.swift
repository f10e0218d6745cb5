// SPDX-License-Identifier: Apache-2.0
// `impetus debug text-speed`: how fast text is read, on one thread; scripts/bench_text.py sets it beside `tokenizers`.

import ArgumentParser
import Basics
import Inference
import Templates
import Tokenizers

struct DebugTextSpeed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text-speed", abstract: "Measure loading a tokenizer, encoding files, and rendering a chat.")

  @Option(name: .long, help: ArgumentHelp("Folder with tokenizer.json.", valueName: "folder"), completion: .directory)
  var tokenizer: String

  @Option(name: .long, help: ArgumentHelp("A chat template to render with 100 messages.", valueName: "file"))
  var template: String?

  @Option(name: .long, help: "How often each is measured; the fastest counts.")
  var rounds = 5

  @Argument(help: "Files of text.")
  var files: [String] = []

  func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds takes 1 to 1000") }
  }

  func run() throws {
    let load = try best { _ = try Tokenizer(folder: tokenizer) }
    Output.standard.json(.object(["what": "load", "milliseconds": .number(load)]))
    for path in files {
      let text = try Files.read(path)
      var count = 0
      // A tokenizer that has seen the text remembers its words: each round has a new one.
      var least = Double.infinity
      for _ in 0..<rounds {
        let fresh = try Tokenizer(folder: tokenizer)
        least = min(least, timed { count = fresh.encode(bytes: text, addSpecialTokens: false).count })
      }
      Output.standard.json(
        .object([
          "what": "encode", "file": .string(Files.name(of: path)), "bytes": JSONValue(text.count),
          "tokens": JSONValue(count), "milliseconds": .number(least),
          "megabytes_per_second": .number(Double(text.count) / 1000 / max(least, 1e-6)),
        ]))
    }
    guard let template else { return }
    let source = String(decoding: try Files.read(template, limit: 1 << 20), as: UTF8.self)
    let compiled = try ChatTemplate(source: source)
    let messages: [Value] = (0..<100).map { number in
      [
        "role": number % 2 == 0 ? "user" : "assistant",
        "content": .string("Message \(number): " + String(repeating: "what is it about? ", count: 12)),
      ]
    }
    let context: [String: Value] = ["messages": .list(messages), "add_generation_prompt": true, "tools": .none]
    let clock = TemplateClock(secondsSince1970: 1_721_959_509, offsetFromUTC: 0)
    var byteCount = 0
    let time = try best { byteCount = try compiled.render(context: context, now: clock).utf8.count }
    Output.standard.json(
      .object(["what": "render 100 messages", "bytes": JSONValue(byteCount), "milliseconds": .number(time)]))
  }

  /// The least time of several rounds, in milliseconds.
  private func best(_ body: () throws -> Void) throws -> Double {
    var least = Double.infinity
    for _ in 0..<rounds { least = min(least, try timed(body)) }
    return least
  }

  private func timed(_ body: () throws -> Void) rethrows -> Double {
    try ContinuousClock().measure(body).seconds * 1000
  }
}
