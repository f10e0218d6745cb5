// SPDX-License-Identifier: Apache-2.0
// `impetus verify`: every byte of a model, or of all, against its digest.

import ArgumentParser
import Basics
import Library
import Store

struct Verify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check models byte by byte, without the network.",
    discussion: """
      Reads every file and compares size and SHA-256 with the manifest, then checks the structure of the weights, whether
      references, manifests and configs agree, and models made of others against the inputs that they record. Ends with exit
      code 2 when something is damaged, and names it. With --rebuild, quantized and converted models are also made once more
      from their base, in a folder that goes away, and compared bit for bit; exit code 3 says that a base was not here. What was
      made of files that are in no store, such as GGUF files and adapters, needs them by --input.

      Examples:
        impetus verify
        impetus verify SmolLM2-135M-Instruct:q4
        impetus verify --json
        impetus verify org/model:q4 --rebuild
        impetus verify org/model:fused --rebuild --input ./adapter
      """)

  @Argument(help: "Names of models; all when left out.", completion: ModelCompletion.kind)
  var models: [String] = []

  @Flag(name: .long, help: "Check all models, which is the default.")
  var all = false

  @Flag(name: .long, help: "Make models that are made of others once more, and compare.")
  var rebuild = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --rebuild: a file or folder that models were made of; may be given several times.", valueName: "path"),
    completion: .file())
  var input: [String] = []

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    if !input.isEmpty, !rebuild { throw ValidationError("--input goes with --rebuild") }
  }

  func run() async throws {
    let (store, found) = try storeOptions.models(all ? [] : models)
    let chosen = found.isEmpty ? nil : found
    let library = try storeOptions.library()
    let others = library.stores.filter { $0.layout != store.layout }
    let bar = ProgressLine("verifying", mode: progress.progress)
    var report = try await blocking { isCancelled in
      defer { bar.finish() }
      return try Verifying(store: store, others: others).run(
        chosen, threads: Processor.usableCores, progress: { bar.update(done: $0, total: $1) }, isCancelled: isCancelled)
    }
    let rebuilt =
      rebuild && report.isClean
      ? try await self.rebuilt(
        report.models,
        Rebuilding(store: store, others: others, scratch: library.store, materials: try await Materials.read(input)))
      : []
    for (_, outcome) in rebuilt {
      if case .differs(let findings) = outcome { report.findings += findings }
    }
    if output.json {
      var object: JSONObject = [
        "clean": .bool(report.isClean), "models": .array(report.models.map { .string($0.reference.description) }),
        "blobs": .integer(Int64(report.blobCount)), "bytes": .integer(Int64(report.byteCount)),
        "findings": .array(report.findings.map(\.json)),
      ]
      if rebuild { object["rebuilt"] = .array(rebuilt.map { json($0, $1) }) }
      Output.standard.json(.object(object))
    } else {
      for finding in report.findings {
        Output.standard.line("\(finding.severity.rawValue): \(finding.place.harmless): \(finding.message.harmless)")
      }
      for (model, outcome) in rebuilt { Output.standard.line("\(model.reference.full): \(text(outcome))") }
      let names = report.models.count == 1 ? "1 model" : "\(report.models.count) models"
      let verdict = report.isClean ? "clean" : "damaged"
      Output.standard.line("\(names), \(report.blobCount) files, \(Quantity.bytes(report.byteCount)): \(verdict)")
    }
    if !report.isClean { throw ExitCode(ExitStatus.mismatch.rawValue) }
    let isMissing = rebuilt.contains { if case .impossible = $0.1 { true } else { false } }
    if isMissing { throw ExitCode(ExitStatus.notFound.rawValue) }
  }

  /// Makes models once more; those that are made of nothing are left out.
  private func rebuilt(
    _ models: [StoredModel], _ rebuilding: Rebuilding
  ) async throws -> [(StoredModel, Rebuilding.Outcome)] {
    var outcomes: [(StoredModel, Rebuilding.Outcome)] = []
    for model in models {
      let outcome = try await making("making \(model.reference.full) again", mode: progress.progress) {
        progress, isCancelled in
        try rebuilding.run(
          model, threads: Processor.usableCores, progress: progress, isCancelled: isCancelled)
      }
      if outcome != .original { outcomes.append((model, outcome)) }
    }
    return outcomes
  }

  private func text(_ outcome: Rebuilding.Outcome) -> String {
    switch outcome {
    case .same: "made again it is the same, bit for bit"
    case .differs(let findings): "made again \(findings.count) files differ"
    case .impossible(let why): "cannot be made again: \(why)"
    case .original: "is made of no other model"
    }
  }

  private func json(_ model: StoredModel, _ outcome: Rebuilding.Outcome) -> JSONValue {
    var object: JSONObject = ["name": .string(model.reference.description)]
    switch outcome {
    case .same: object["outcome"] = "same"
    case .differs: object["outcome"] = "differs"
    case .impossible(let why):
      object["outcome"] = "impossible"
      object["why"] = .string(why)
    case .original: object["outcome"] = "original"
    }
    return .object(object)
  }
}
