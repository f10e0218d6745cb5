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
      Reads every file and compares size and SHA-256 with the manifest, then checks the structure of the weights. Ends
      with exit code 2 when something is damaged, and names it.

      Examples:
        impetus verify
        impetus verify SmolLM2-135M-Instruct:q4
        impetus verify --json
      """)

  @Argument(help: "Names of models; all when left out.", completion: ModelCompletion.kind)
  var models: [String] = []

  @Flag(name: .long, help: "Check all models, which is the default.")
  var all = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func run() async throws {
    let store = try storeOptions.library().store
    let chosen: [StoredModel]? = models.isEmpty || all ? nil : try models.map { try store.resolve($0) }
    let bar = ProgressLine("verifying", mode: progress.progress)
    let report = try await blocking { isCancelled in
      defer { bar.finish() }
      return try Verifying(store: store).run(
        chosen, threads: Processor.usableCores, progress: { bar.update(done: $0, total: $1) }, isCancelled: isCancelled)
    }
    if output.json {
      Output.standard.json([
        "clean": .bool(report.isClean), "models": .array(report.models.map { .string($0.reference.description) }),
        "blobs": .integer(Int64(report.blobCount)), "bytes": .integer(Int64(report.byteCount)),
        "findings": .array(report.findings.map(\.json)),
      ])
    } else {
      for finding in report.findings {
        Output.standard.line("\(finding.severity.rawValue): \(finding.place.harmless): \(finding.message.harmless)")
      }
      let names = report.models.count == 1 ? "1 model" : "\(report.models.count) models"
      let verdict = report.isClean ? "clean" : "damaged"
      Output.standard.line("\(names), \(report.blobCount) files, \(Quantity.bytes(report.byteCount)): \(verdict)")
    }
    if !report.isClean { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }
}
