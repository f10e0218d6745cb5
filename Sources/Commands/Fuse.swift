// SPDX-License-Identifier: Apache-2.0
// `impetus fuse`: a model with LoRA adapters added to its weights.

import ArgumentParser
import Basics
import Library
import Store

struct Fuse: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Add LoRA adapters to a model's weights.",
    discussion: """
      An adapter is a folder as PEFT writes it (adapter_model.safetensors) or mlx-lm (adapters.safetensors), with its
      adapter_config.json. A quantized model stays so: what changes is quantized again with its own bits and groups. The
      result becomes the variant `:fused` of the model.

      Examples:
        impetus fuse Qwen2.5-0.5B-Instruct --adapter ./my-adapter
        impetus fuse SmolLM2-135M-Instruct:q4 --adapter ./style --adapter ./facts -o mine:q4
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @Option(
    name: .long, help: ArgumentHelp("Folder of an adapter; may be given several times.", valueName: "folder"),
    completion: .directory)
  var adapter: [String] = []

  @Option(name: [.customShort("o"), .long], help: "Name of the result, or `:VARIANT`; `:fused` when it is left out.")
  var name: String?

  @Flag(name: .long, help: "Replace a model of the same name.")
  var force = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard !adapter.isEmpty else { throw ValidationError("--adapter names the folder of an adapter") }
  }

  func run() async throws {
    let store = try storeOptions.library().store
    let work = try StoredFusing(try storeOptions.locate(model), adapters: adapter, store: store)
    let reference = try work.name(name)
    let replaces = force
    let made = try await making("fusing to \(reference.full)", mode: progress.progress) { progress, isCancelled in
      try work.run(
        as: reference, replaces: replaces, threads: Processor.usableCores, progress: progress, isCancelled: isCancelled)
    }
    note("\(made.reference) is here: \(Quantity.bytes(made.byteCount)), \(work.fusing.changedCount) matrices changed")
    if output.json {
      var object = ModelJSON.summary(made, try store.description(made))
      object["changed"] = JSONValue(work.fusing.changedCount)
      Output.standard.json(.object(object))
    }
  }
}
