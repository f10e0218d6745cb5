// SPDX-License-Identifier: Apache-2.0
// `impetus repair`: what `verify` finds damaged, made whole again.

import ArgumentParser
import Basics
import Hub
import Library
import Quantization
import Store
import Synchronization

struct Repair: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make damaged models whole again.",
    discussion: """
      Reads every file, as verify does. What is damaged is fetched again from the hub at the same commit, of large files
      only the stretches of 8 MiB that are wrong; a quantized model is made again from its base. The result must be the
      same to the last bit. Whole files are left alone.

      Examples:
        impetus repair
        impetus repair SmolLM2-135M-Instruct:q4
      """)

  @Argument(help: "Names of models; all when left out.", completion: ModelCompletion.kind)
  var models: [String] = []

  @OptionGroup var hub: HubOptions
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption

  func run() async throws {
    let (library, chosen) = try storeOptions.own(models)
    let store = library.store
    let repairing = Repairing(store: store)
    // Sources first: what was made of them needs them whole.
    let ordered = chosen.filter { !isDerived($0, store) } + chosen.filter { isDerived($0, store) }
    var unrepaired: [StoredModel] = []
    for model in ordered {
      let damaged = try await damage(of: model, repairing)
      guard !damaged.isEmpty else {
        note("\(model.reference.full) is whole")
        continue
      }
      for damage in damaged { note("damaged: \(damage.finding.place): \(damage.finding.message)") }
      let way = repairing.way(for: model)
      guard way != .none else {
        unrepaired.append(model)
        note("\(model.reference.full) can only be put right by importing its files again")
        continue
      }
      try await repair(model, damaged, way, repairing)
      let left = try await damage(of: model, repairing)
      if left.isEmpty { note("\(model.reference.full) is whole again") } else { unrepaired.append(model) }
    }
    try store.repairDerived()
    if !unrepaired.isEmpty { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }

  private func isDerived(_ model: StoredModel, _ store: ModelStore) -> Bool {
    (try? store.description(model).provenance) != nil
  }

  private func damage(of model: StoredModel, _ repairing: Repairing) async throws -> [ModelStore.Damage] {
    try await blocking { _ in try repairing.damage(of: model, threads: Processor.usableCores) }
  }

  private func repair(
    _ model: StoredModel, _ damaged: [ModelStore.Damage], _ way: Repairing.Way, _ repairing: Repairing
  ) async throws {
    switch way {
    case .none: break
    case .quantize(let base, let bits, let groupSize):
      try repairing.remove(damaged)
      try await blocking { _ in
        try repairing.quantize(
          model, base: base, bits: bits, groupSize: groupSize, threads: Processor.usableCores)
      }
    case .stream(let repository, let revision, let base, let bits, let groupSize):
      let settings = try hub.settings()
      let recipe = Quantizing.Recipe(try Affine(bits: bits, groupSize: groupSize))
      try repairing.remove(damaged)
      let bar = ProgressLine("quantizing \(repository)", mode: progress.progress)
      try await interruptible {
        defer { bar.finish() }
        try await repairing.stream(
          model, repository, revision, base: base, recipe: recipe, threads: Processor.usableCores,
          client: try HubClient(settings), events: { Pull.tell($0, bar) })
      }
    case .fetch(let repository, let revision):
      let settings = try hub.settings()
      let received = Mutex(0)
      let bar = ProgressLine("fetching", mode: progress.progress)
      try await resumable {
        try await repairing.fetch(model, damaged, repository, revision, client: try HubClient(settings)) { event in
          guard case .progress(let progress) = event else { return }
          received.withLock { $0 = progress.receivedByteCount }
          bar.update(done: progress.landedByteCount, total: progress.byteCount)
        }
        bar.finish()
        note("fetched \(Quantity.bytes(received.withLock { $0 }))")
      }
    }
  }
}
