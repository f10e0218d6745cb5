// SPDX-License-Identifier: Apache-2.0
// `impetus pull --quantize`: only the quantized model comes to this machine's disk.

import ArgumentParser
import Basics
import Hub
import Library
import Quantization
import Store

/// The options of `pull` that are about quantizing.
struct PullQuantizeOptions: ParsableArguments {
  @Option(
    name: .customLong("quantize"),
    help: ArgumentHelp("Quantize while it comes, to 2, 3, 4, 5, 6 or 8 bits a weight.", valueName: "bits"))
  var bits: Int?

  @Option(name: .long, help: "With --quantize: weights that share a scale: 32, 64 or 128.")
  var groupSize: Int?

  func validate() throws {
    if let bits, ![2, 3, 4, 5, 6, 8].contains(bits) { throw ValidationError("--quantize takes 2, 3, 4, 5, 6 or 8") }
    guard let groupSize else { return }
    guard bits != nil else { throw ValidationError("--group-size goes with --quantize") }
    guard [32, 64, 128].contains(groupSize) else { throw ValidationError("--group-size takes 32, 64 or 128") }
  }

  /// What is wanted; nil for a plain pull.
  func recipe() throws -> Quantizing.Recipe? {
    try bits.map { Quantizing.Recipe(try Affine(bits: $0, groupSize: groupSize ?? 64)) }
  }
}

extension Pull {
  /// Pulls and quantizes in one pass.
  func runQuantized(
    _ recipe: Quantizing.Recipe, _ repository: RepoID, _ revision: Revision, _ settings: HubSettings,
    _ library: ModelLibrary
  ) async throws {
    let store = library.store
    if let name { _ = try name.hasPrefix(":") ? Importing.reference("x\(name)") : Importing.reference(name) }
    let bar = ProgressLine("quantizing \(repository)", mode: progress.progress)
    let options = DownloadOptions(connections: connections)
    let selection = Selection(include: include, exclude: exclude, everything: all)
    let cache = ignoresCache ? nil : HubCache(environment: Environment.all)
    let request = StreamedQuantizing.Request(recipe, name: name, threads: Processor.usableCores)
    let (isDryRun, printsJSON) = (dryRun, output.json)
    let policies = try Policies.load(environment: Environment.all)
    let outcome = try await interruptible { () -> StreamedQuantizing.Outcome? in
      let client = try HubClient(settings, notice: { Self.tell($0, bar) })
      let ingest = try Ingest(store)
      let pulling = Pulling(
        client: client, destination: StoreDestination(ingest), cache: cache, neighbours: library.neighbours,
        policies: policies)
      let plan = try await pulling.plan(repository, revision: revision, selection: selection)
      Self.tell(plan)
      if isDryRun {
        note("  the weights are quantized as they come: only the result needs room")
        if printsJSON { Output.standard.json(.object(PlanJSON.dryRun(plan, nil))) }
        return nil
      }
      defer { bar.finish() }
      let work = StreamedQuantizing(
        pulling: pulling, ingest: ingest, request: request, options: options, events: { Self.tell($0, bar) })
      do {
        return try await work.run(plan)
      } catch HubProblem.cancelled {
        bar.finish()
        note("what came is kept: the same command goes on there")
        throw CancellationError()
      }
    }
    guard let outcome else { return }
    let bits = Quantity.decimal(outcome.bitsPerWeight, places: 2)
    note("\(outcome.model.reference) is here: \(Quantity.bytes(outcome.model.byteCount)), \(bits) bits a weight")
    for name in outcome.dropped { note("  not used by the model and left out: \(name)") }
    guard output.json else { return }
    var object = ModelJSON.summary(outcome.model, try store.description(outcome.model))
    object["bits_per_weight"] = .number(outcome.bitsPerWeight)
    object["received_bytes"] = .integer(Int64(outcome.receivedByteCount))
    Output.standard.json(.object(object))
  }
}
