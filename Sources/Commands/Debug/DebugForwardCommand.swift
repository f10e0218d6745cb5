// SPDX-License-Identifier: Apache-2.0
// `impetus debug forward`: token lists in, logits in brief out.

import ArgumentParser
import Basics
import Inference
import Models

struct DebugForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward", abstract: "Answer lines of tokens with the logits of a model.",
    discussion: """
      Examples:
        echo '{"tokens":[1,2,3],"greedy":8}' | impetus debug forward --precise --model ./model
      """)

  @Option(name: .long, help: ArgumentHelp("Folder of the model.", valueName: "folder"), completion: .directory)
  var model: String

  @Flag(name: .long, help: "Compute in float32 on the weights as stored.")
  var precise = false

  @Option(name: .long, help: "Tokens to feed in one step; 0 feeds the prompt at once.")
  var chunk = 0

  @Option(name: .long, help: "Threads; every usable core when it is left out.")
  var threads: Int?

  func run() throws {
    if EncoderSnapshot.makesEmbeddings(model, try Snapshot.readConfig(model)) {
      let options = LoadedModel.Options(precise: precise, threads: threads)
      var answers = try DebugEncode(try EncoderModel.load(folder: model, options: options))
      return try answerLines { try answers.answer($0) }
    }
    let snapshot = try Snapshot.open(model)
    // A reference may go beyond the length a model was made for, so the cache is sized by the questions, not by it.
    let length = min(1 << 15, snapshot.architecture.contextBound ?? .max)
    let options = LoadedModel.Options(precise: precise, threads: threads, contextLength: length, sequences: 1)
    var answers = try DebugForward(try LoadedModel.load(snapshot, options: options), chunk: chunk)
    try answerLines { try answers.answer($0) }
  }
}
