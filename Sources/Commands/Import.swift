// SPDX-License-Identifier: Apache-2.0
// `impetus import`: a model from files into the store.

import ArgumentParser
import Basics
import Library
import Store
import Synchronization
import Tensors

struct Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Take a model from a folder, a GGUF or safetensors file, or an archive.",
    discussion: """
      A GGUF file is converted: its weights become safetensors, its vocabulary tokenizer.json. Archives are zip files,
      Python wheels and tar files in any compression, those of `impetus export` too. A path of - reads such an archive from
      stdin. The files themselves stay where they are. Policies are asked as they are before a run.

      Examples:
        impetus import ./SmolLM2-135M-Instruct
        impetus import model-Q4_0.gguf --name my-model
        impetus import model.whl --name org/name --expect-sha256 46a1…
      """)

  @Argument(help: "File or folder.", completion: .file())
  var path: String

  @Option(name: .long, help: "Name in the store, such as ORG/NAME or NAME:VARIANT; made of the file's when left out.")
  var name: String?

  @Option(name: .long, help: "Type of the weights made from GGUF: bf16, f16 or f32.")
  var dtype: ImportType = .bf16

  @Option(
    name: .customLong("expect-sha256"),
    help: ArgumentHelp("SHA-256 that the file, or the GGUF file in the archive, must have.", valueName: "digest"))
  var expectSHA256: String?

  @Flag(name: .long, help: "Replace a model of the same name.")
  var force = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    if let expectSHA256, Digest(hex: expectSHA256.lowercased()) == nil {
      throw ValidationError("--expect-sha256 takes 64 hex digits")
    }
  }

  func run() async throws {
    let library = try storeOptions.library()
    let request = Importing.Request(
      path: path == "-" ? "/dev/stdin" : path, name: name, dtype: dtype.dtype,
      expected: expectSHA256.flatMap { Digest(hex: $0.lowercased()) },
      replaces: force)
    let mode = progress.progress
    let policies = try Policies.load(environment: Environment.all)
    let outcome = try await blocking { isCancelled in
      let stage = Mutex<(bar: ProgressLine, total: Int)>((ProgressLine("importing", mode: mode), 0))
      let importing = Importing(
        store: library.store, threads: Processor.usableCores, policies: policies,
        events: { event in
          switch event {
          case .stage(let name, let total):
            stage.withLock {
              $0.bar.finish()
              $0 = (ProgressLine(name, mode: mode), total)
            }
          case .progress(let done): stage.withLock { $0.bar.update(done: done, total: $0.total) }
          }
        }, isCancelled: isCancelled)
      defer { stage.withLock { $0.bar.finish() } }
      return try importing.run(request)
    }
    if let unsupported = outcome.unsupported { note("this program cannot run it: \(unsupported.description)") }
    for model in [outcome.model] + outcome.others {
      note("\(model.reference) is here: \(Quantity.bytes(model.byteCount))")
    }
    output.show(outcome.model)
  }
}

/// Types that weights from GGUF may get.
enum ImportType: String, ExpressibleByArgument, CaseIterable {
  case bf16, f16, f32

  var dtype: DType {
    switch self {
    case .bf16: .bf16
    case .f16: .f16
    case .f32: .f32
    }
  }
}
