// SPDX-License-Identifier: Apache-2.0
// `impetus quantize`: a smaller variant of a model, in MLX's layout.

import ArgumentParser
import Basics
import Library
import Quantization
import Store

struct Quantize: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a smaller variant of a model: 4 or 8 bits a weight, in MLX's layout.",
    discussion: """
      The result is bit for bit what mlx-lm's convert makes of the same model, and other programs can open it. It becomes a
      variant of the model, such as `:q4`, whose manifest names every input and setting.

      Examples:
        impetus quantize SmolLM2-135M-Instruct
        impetus quantize org/model --bits 8 --group-size 32 --name :small
        impetus quantize ./folder --bits 4 --name mine:q4
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @Option(name: .long, help: "Bits a weight: 2, 3, 4, 5, 6 or 8.")
  var bits = 4

  @Option(name: .long, help: "Weights that share a scale: 32, 64 or 128.")
  var groupSize = 64

  @Option(name: .long, help: "Name of the result, or `:VARIANT`; `:q4` and the like when it is left out.")
  var name: String?

  @Flag(name: .long, help: "Compare the result with the source and say how far off it is.")
  var report = false

  @Flag(name: .long, help: "Replace a model of the same name.")
  var force = false

  @Option(name: .long, help: "Threads; every usable core when it is left out.")
  var threads: Int?

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard [2, 3, 4, 5, 6, 8].contains(bits) else { throw ValidationError("--bits takes 2, 3, 4, 5, 6 or 8") }
    guard [32, 64, 128].contains(groupSize) else { throw ValidationError("--group-size takes 32, 64 or 128") }
    if let threads, !(1...256).contains(threads) { throw ValidationError("--threads takes 1 to 256") }
  }

  func run() async throws {
    let store = try storeOptions.library().store
    let source = try storeOptions.locate(model)
    let recipe = Quantizing.Recipe(try Affine(bits: bits, groupSize: groupSize), measuresErrors: report)
    let work = try StoredQuantizing(source, recipe: recipe, store: store)
    let reference = try work.name(name)
    let (replaces, threads) = (force, threads ?? Processor.usableCores)
    let outcome = try await making("quantizing to \(reference.full)", mode: progress.progress) {
      progress, isCancelled in
      try work.run(
        as: reference, replaces: replaces, threads: threads, progress: progress, isCancelled: isCancelled)
    }
    let plan = work.quantizing.plan
    let bitsPerWeight = Quantity.decimal(plan.bitsPerWeight, places: 2)
    note(
      "\(outcome.model.reference) is here: \(Quantity.bytes(outcome.model.byteCount)), \(bitsPerWeight) bits a weight")
    for name in work.quantizing.dropped { note("  not used by the model and left out: \(name)") }
    if report { tell(outcome.quantized.report) }
    if output.json {
      var object = ModelJSON.summary(outcome.model, try store.description(outcome.model))
      object["bits_per_weight"] = .number(plan.bitsPerWeight)
      if report { object["report"] = outcome.quantized.report.json }
      Output.standard.json(.object(object))
    }
  }

  private func tell(_ report: QualityReport) {
    note("relative error of all matrices: \(Quantity.decimal(report.total.relative * 100, places: 2)) %; the worst:")
    for entry in report.worst(5) {
      note("  \(Quantity.decimal(entry.errors.relative * 100, places: 2)) %  \(entry.path)")
    }
  }
}
