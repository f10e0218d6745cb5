// SPDX-License-Identifier: Apache-2.0
// `impetus adopt`: models that other programs have on this machine.

import ArgumentParser
import Basics
import Library
import Store
import Synchronization

struct Adopt: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Take models that other programs have on this machine, without fetching them.",
    discussion: """
      Looks into the cache of the hub's Python client, llama.cpp's, Ollama's and LM Studio's folders, into folders that mlx-lm
      made, and into the folders named. Each file is compared with the hash its keeper knows it by and then shared: the file
      system's shared blocks where it has them, else a link, which makes the file read-only, else a copy. The other program
      keeps what it has.

      GGUF files have to be converted, which takes room; --convert does so.

      Examples:
        impetus adopt --dry-run
        impetus adopt --from hf --from lmstudio
        impetus adopt ~/models --from folders --json
        impetus adopt --from ollama --convert
      """)

  @Argument(help: "Folders to look through.", completion: .directory)
  var folders: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only from hf, llama.cpp, ollama, lmstudio or folders; may be given several times.", valueName: "program"),
    completion: .list(ModelKeeper.allCases.map(\.rawValue)), transform: Self.keeper)
  var from: [ModelKeeper] = []

  @Option(name: .long, help: ArgumentHelp("Only models whose name contains this.", valueName: "text"))
  var only: String?

  @Flag(name: .long, help: "Convert GGUF files.")
  var convert = false

  @Flag(name: .long, help: "Copy files instead of sharing them.")
  var copy = false

  @Flag(name: .long, help: "Replace models of the same name.")
  var force = false

  @Flag(name: .long, help: "Say what would be taken, and take nothing.")
  var dryRun = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func run() async throws {
    let store = try storeOptions.library().store
    for folder in folders where !Files.isFolder(folder) { throw FileProblem.notFound(path: folder) }
    let keepers = from.isEmpty ? (folders.isEmpty ? ModelKeeper.allCases : [.folders]) : from
    let adopting = Adopting(
      store: store,
      request: Adopting.Request(keepers: keepers, folders: folders, converts: convert, copies: copy, replaces: force),
      environment: Environment.all, threads: Processor.usableCores,
      policies: try Policies.load(environment: Environment.all))
    let (mode, wanted, isDryRun) = (progress.progress, only?.lowercased(), dryRun)
    let entries = try await blocking { isCancelled in
      let plan = adopting.plan().filter { wanted == nil || $0.found.title.lowercased().contains(wanted ?? "") }
      if isDryRun { return plan }
      let stage = Mutex<(bar: ProgressLine, total: Int)>((ProgressLine("adopting", mode: mode), 0))
      defer { stage.withLock { $0.bar.finish() } }
      return try adopting.run(
        plan,
        events: { event in
          stage.withLock { stage in
            switch event {
            case .stage(let name, let total):
              stage.bar.finish()
              stage = (ProgressLine(name, mode: mode), total)
            case .progress(let done): stage.bar.update(done: done, total: stage.total)
            }
          }
        }, isCancelled: isCancelled)
    }
    if output.json { Output.standard.json(json(entries)) } else { show(entries) }
    if let status = entries.compactMap(\.failure).first { throw ExitCode(status.rawValue) }
  }

  private static func keeper(_ text: String) throws -> ModelKeeper {
    guard let keeper = ModelKeeper(rawValue: text.lowercased()) else {
      let names = ModelKeeper.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--from takes one of \(names)")
    }
    return keeper
  }

  private func show(_ entries: [Adopting.Entry]) {
    guard !entries.isEmpty else { return note("no models of other programs were found") }
    var table = Table([
      .init(heading: "model"), .init(heading: "from"), .init(heading: "size", isNumeric: true),
      .init(heading: "saved", isNumeric: true), .init(heading: dryRun ? "would be" : "was"),
    ])
    for entry in entries {
      table.add([
        entry.found.title, entry.found.keeper.rawValue,
        entry.found.byteCount > 0 ? Quantity.bytes(entry.found.byteCount) : "",
        entry.savedByteCount > 0 ? Quantity.bytes(entry.savedByteCount) : "", entry.words,
      ])
    }
    Output.standard.line(table.text(style: Style(for: .standard)))
    let saved = entries.reduce(0) { $0 + ($1.action == .adopt ? $1.savedByteCount : 0) }
    let written = entries.reduce(0) { $0 + $1.writtenByteCount }
    note("\(Quantity.bytes(saved)) \(dryRun ? "would be" : "are") shared, \(Quantity.bytes(written)) written")
  }

  private func json(_ entries: [Adopting.Entry]) -> JSONValue {
    let models = entries.map { entry -> JSONValue in
      var object: JSONObject = [
        "title": .string(entry.found.title), "from": .string(entry.found.keeper.rawValue),
        "path": .string(entry.found.place), "size_bytes": JSONValue(entry.found.byteCount),
        "saved_bytes": JSONValue(entry.savedByteCount), "written_bytes": JSONValue(entry.writtenByteCount),
        "action": .string(entry.word),
      ]
      object["name"] = entry.found.reference.map { .string($0.description) } ?? .null
      object["reason"] = entry.reason.map { .string($0) } ?? .null
      object["digest"] = entry.model.map { .string($0.digest.description) } ?? .null
      return .object(object)
    }
    return [
      "dry_run": .bool(dryRun), "models": .array(models),
      "saved_bytes": JSONValue(entries.reduce(0) { $0 + ($1.action == .adopt ? $1.savedByteCount : 0) }),
      "written_bytes": JSONValue(entries.reduce(0) { $0 + $1.writtenByteCount }),
    ]
  }
}

extension Adopting.Entry {
  /// The action as `--json` names it.
  fileprivate var word: String {
    switch action {
    case .adopt: "adopt"
    case .convert: "convert"
    case .present: "present"
    case .leave: "leave"
    case .fail: "fail"
    }
  }

  /// Why it is not taken.
  fileprivate var reason: String? {
    switch action {
    case .adopt, .convert, .present: nil
    case .leave(let reason), .fail(let reason, _): reason
    }
  }

  fileprivate var failure: ExitStatus? { if case .fail(_, let status) = action { status } else { nil } }

  /// For people.
  fileprivate var words: String {
    switch action {
    case .adopt: "taken as \(found.reference?.description ?? "")"
    case .convert: "converted to \(found.reference?.description ?? "")"
    case .present: "here already"
    case .leave(let reason): "left: \(reason)"
    case .fail(let reason, _): "not taken: \(reason)"
    }
  }
}
