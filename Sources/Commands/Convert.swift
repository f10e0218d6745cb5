// SPDX-License-Identifier: Apache-2.0
// `impetus convert`: a variant in MLX's layout of a model that another program quantized.

import ArgumentParser
import Basics
import Library
import Store

struct Convert: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring a GPTQ, AWQ, compressed-tensors or FP8 model into MLX's layout.",
    discussion: """
      Integer codes stay as they are, so nothing is lost where MLX has the same groups; what it has no format for (8-bit
      floats, reordered inputs) is widened, and can be quantized afterwards. The result becomes the variant `:mlx` of the
      model. `impetus import` converts by itself; this is for models that were pulled.

      Examples:
        impetus convert org/model-GPTQ
        impetus convert org/model-FP8 --name model:wide
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @Option(name: .long, help: "Name of the result, or `:VARIANT`; `:mlx` when it is left out.")
  var name: String?

  @Flag(name: .long, help: "Replace a model of the same name.")
  var force = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func run() async throws {
    let store = try storeOptions.library().store
    let work = try StoredConverting(try storeOptions.locate(model), store: store)
    let reference = try work.name(name)
    let replaces = force
    let made = try await making("converting to \(reference.full)", mode: progress.progress) { progress, isCancelled in
      try work.run(
        as: reference, replaces: replaces, threads: Processor.usableCores, progress: progress, isCancelled: isCancelled)
    }
    let converting = work.converting
    note("\(made.reference) is here: \(Quantity.bytes(made.byteCount)), from \(converting.method)")
    note("  \(converting.exactCount) matrices exactly, \(converting.widened.count) widened")
    if let first = converting.widened.first { note("  such as \(first.path): \(first.reason)") }
    if output.json {
      var object = ModelJSON.summary(made, try store.description(made))
      object["exact"] = JSONValue(converting.exactCount)
      object["widened"] = JSONValue(converting.widened.count)
      Output.standard.json(.object(object))
    }
  }
}
