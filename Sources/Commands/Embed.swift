// SPDX-License-Identifier: Apache-2.0
// `impetus embed`: texts to vectors.

import ArgumentParser
import Basics
import Inference
import Library

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make embeddings of texts.",
    discussion: """
      Each argument is a text; without any, each line of stdin is one. A result is a line of JSON: the vector, or with --json an \
      object with all of them. The vectors are pooled, and scaled to length one, as the model's files say. Models that are asked in \
      one way and hold documents in another have prompts for both (`--prompt query`).

      Examples:
        impetus embed all-MiniLM-L6-v2 "a cat" "a dog"
        impetus embed ./minilm < lines.txt > vectors.jsonl
        impetus embed embeddinggemma --prompt query "which planet is red?"
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @Argument(help: "The texts; lines of stdin when there are none.")
  var texts: [String] = []

  @Option(name: .long, help: "Name of what the model's files put before each text; their choice when it is left out.")
  var prompt: String?

  @Option(name: .long, help: "Threads; every usable core when it is left out.")
  var threads: Int?

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  /// Tokens that are encoded together: what goes from layer to layer stays in the processor's caches.
  static let stepTokens = 1024
  /// Lines that are embedded together.
  private static let batch = 256

  func run() throws {
    let folder = try storeOptions.usable(model).folder
    let options = LoadedModel.Options(threads: threads, stepTokens: Self.stepTokens)
    var embedder = try Embedder(try EncoderModel.load(folder: folder, options: options), prompt: prompt)
    let lines = texts.isEmpty ? Self.lines(StandardInput.all()) : texts
    var items: [JSONValue] = []
    var (tokens, cut) = (0, 0)
    for start in stride(from: 0, to: lines.count, by: Self.batch) {
      for embedding in try embedder.embed(Array(lines[start..<min(start + Self.batch, lines.count)])) {
        tokens += embedding.tokenCount
        cut += embedding.isCut ? 1 : 0
        let vector = JSONValue.array(embedding.vector.map { .number(Double($0)) })
        if output.json {
          items.append(["tokens": JSONValue(embedding.tokenCount), "cut": .bool(embedding.isCut), "vector": vector])
        } else {
          Output.standard.line(JSONWriter.string(vector))
        }
      }
    }
    if output.json {
      Output.standard.json(["width": JSONValue(embedder.width), "embeddings": .array(items)])
    }
    let limit = embedder.model.longestText
    if cut > 0 { note("\(cut) texts are longer than the \(limit) tokens the model reads; their ends were left out") }
  }

  /// The lines of a text; an end of line at its end starts no other.
  static func lines(_ bytes: [UInt8]) -> [String] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self)
    }
    if lines.last == "" { lines.removeLast() }
    return lines
  }
}
