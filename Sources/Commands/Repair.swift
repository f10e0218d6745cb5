// SPDX-License-Identifier: Apache-2.0
// `impetus repair`: what `verify` finds damaged, made whole again.

import ArgumentParser
import Basics
import Hub
import Library
import Quantization
import Store

struct Repair: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make damaged models whole again.",
    discussion: """
      Reads every file, as verify does. Files that are damaged are fetched again from the hub at the same commit, or, of a
      quantized model, made again from its base; the result must be the same to the last bit. Whole files are left alone.

      Examples:
        impetus repair
        impetus repair SmolLM2-135M-Instruct:q4
      """)

  @Argument(help: "Names of models; all when left out.", completion: ModelCompletion.kind)
  var models: [String] = []

  @Option(name: .long, help: "The hub's address.")
  var endpoint: String?

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption

  func run() async throws {
    let store = try storeOptions.library().store
    let chosen = try models.isEmpty ? store.models() : models.map { try store.resolve($0) }
    let repairing = Repairing(store: store)
    // Sources first: what was made of them needs them whole.
    let ordered = chosen.filter { !isDerived($0, store) } + chosen.filter { isDerived($0, store) }
    var unrepaired: [StoredModel] = []
    for model in ordered {
      let damaged = try await blocking { _ in repairing.damage(of: model) }
      guard !damaged.isEmpty else {
        note("\(model.reference.full) is whole")
        continue
      }
      for check in damaged { note("damaged: \(check.place)") }
      let way = repairing.way(for: model)
      guard way != .none else {
        unrepaired.append(model)
        note("\(model.reference.full) can only be put right by importing its files again")
        continue
      }
      try repairing.remove(damaged)
      try await repair(model, way, repairing)
      let left = try await blocking { _ in repairing.damage(of: model) }
      if left.isEmpty { note("\(model.reference.full) is whole again") } else { unrepaired.append(model) }
    }
    try store.repairDerived()
    if !unrepaired.isEmpty { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }

  private func isDerived(_ model: StoredModel, _ store: ModelStore) -> Bool {
    (try? store.description(model).provenance) != nil
  }

  private func repair(_ model: StoredModel, _ way: Repairing.Way, _ repairing: Repairing) async throws {
    switch way {
    case .none: break
    case .quantize(let base, let bits, let groupSize):
      try await blocking { _ in
        try repairing.quantize(
          model, base: base, bits: bits, groupSize: groupSize, threads: Processor.usableCores)
      }
    case .stream(let repository, let revision, let base, let bits, let groupSize):
      let settings = try HubSettings(environment: Environment.all, endpoint: endpoint)
      let recipe = Quantizing.Recipe(try Affine(bits: bits, groupSize: groupSize))
      let bar = ProgressLine("quantizing \(repository)", mode: progress.progress)
      try await interruptible {
        defer { bar.finish() }
        try await repairing.stream(
          model, repository, revision, base: base, recipe: recipe, threads: Processor.usableCores,
          client: try HubClient(settings), events: { Pull.tell($0, bar) })
      }
    case .fetch(let repository, let revision):
      let settings = try HubSettings(environment: Environment.all, endpoint: endpoint)
      let bar = ProgressLine("fetching", mode: progress.progress)
      try await interruptible {
        try await repairing.fetch(model, repository, revision, client: try HubClient(settings)) { event in
          if case .progress(let progress) = event {
            bar.update(done: progress.landedByteCount, total: progress.byteCount)
          }
        }
        bar.finish()
      }
    }
  }
}
