// SPDX-License-Identifier: Apache-2.0
// `impetus lock` and `sync`: the same models, to the last bit, on another machine.

import ArgumentParser
import Basics
import Hub
import Library
import Store
import Synchronization

/// The lock file that both commands mean when none is named.
private let lockFileName = "impetus.lock"

struct Lock: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write down which models are here, to the last bit.",
    discussion: """
      The lock file names repository and commit, the SHA-256 of every file, and for quantized models inputs and recipe. It
      is JSON in a fixed order, made to be kept under version control; `impetus sync` brings a store to it.

      Examples:
        impetus lock
        impetus lock org/model:q4 --output models.lock
      """)

  @Argument(help: "Names of models; all when left out.", completion: ModelCompletion.kind)
  var models: [String] = []

  @Option(name: .shortAndLong, help: "The file to write; - is stdout.", completion: .file())
  var output = lockFileName

  @OptionGroup var storeOptions: StoreOptions

  func run() throws {
    let (store, named) = try storeOptions.models(models)
    let found = try models.isEmpty ? store.models() : named
    guard !found.isEmpty else { throw StoreProblem.empty(path: store.layout.root) }
    let lock = try Locking(store: store).lock(found)
    if output == "-" {
      Output.standard.write(String(decoding: lock.bytes, as: UTF8.self))
    } else {
      try AtomicFile.write(lock.bytes, to: output)
      note("\(output) locks \(lock.models.map(\.reference.description).joined(separator: ", "))")
    }
  }
}

struct Sync: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring the store to what a lock file says.",
    discussion: """
      What is missing is fetched at the locked commit, or quantized again, and must have the locked SHA-256 in every file;
      anything else ends with exit code 2. What has a locked name and other content is replaced and lies in the trash. With
      --frozen it is an error instead, and nothing is begun. What was made of files that are in no store, such as GGUF files and
      adapters, needs them by --input.

      Examples:
        impetus sync
        impetus sync --frozen
        impetus sync --frozen --offline --lock models.lock
        impetus sync --input model-Q8_0.gguf --input ./adapter
      """)

  @Option(name: .long, help: ArgumentHelp("The lock file.", valueName: "file"), completion: .file())
  var lock = lockFileName

  @Flag(name: .long, help: "Replace nothing: other content under a locked name is an error.")
  var frozen = false

  @Flag(name: .long, help: "Use no network.")
  var offline = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A file or folder that locked models are made of; may be given several times.", valueName: "path"),
    completion: .file())
  var input: [String] = []

  @OptionGroup var hub: HubOptions
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func run() async throws {
    let library = try storeOptions.library()
    let lock = try LockFile(bytes: try Files.read(lock, limit: LockFile.byteCountLimit), path: lock)
    let settings = try hub.settings()
    let client = offline || settings.offlineBecause != nil ? nil : try HubClient(settings)
    let (mode, isFrozen) = (progress.progress, frozen)
    let materials = try await Materials.read(input)
    let policies = try Policies.load(environment: Environment.all)
    let outcomes = try await interruptible {
      let bar = Mutex(ProgressLine("", mode: mode))
      defer { bar.withLock { $0.finish() } }
      let synchronizing = Synchronizing(
        store: library.store, neighbours: library.neighbours, client: client, threads: Processor.usableCores,
        policies: policies, materials: materials,
        events: { event in
          switch event {
          case .fetching(let name): bar.withLock { $0 = ProgressLine("fetching \(name)", mode: mode) }
          case .making(let name): bar.withLock { $0 = ProgressLine("making \(name)", mode: mode) }
          case .progress(let done, let total): bar.withLock { $0.update(done: done, total: total) }
          case .download(let event): bar.withLock { Pull.tell(event, $0) }
          }
        })
      return try await synchronizing.run(lock, isFrozen: isFrozen)
    }
    for (model, outcome) in outcomes where outcome != .present {
      note("\(model.reference.full) is \(outcome.rawValue)")
    }
    if output.json {
      Output.standard.json(
        .array(
          outcomes.map { model, outcome in
            [
              "name": .string(model.reference.description), "outcome": .string(outcome.rawValue),
              "files_digest": .string(model.digest.description),
            ]
          }))
    } else {
      Output.standard.line("\(outcomes.count) models are as \(self.lock) says")
    }
  }
}
