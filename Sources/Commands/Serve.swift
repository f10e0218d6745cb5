// SPDX-License-Identifier: Apache-2.0
// `impetus serve`: the store's models over HTTP, for OpenAI's clients.

import ArgumentParser
import Basics
import Inference
import Library
import Server
import Store
import Tokenizers

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve the store's models over HTTP, for OpenAI's clients.",
    discussion: """
      Models are loaded when a request names them, and the one used least is put away when room is needed. Listens on this
      machine only unless --host says otherwise. Keys come from IMPETUS_API_KEY or a file, never from the command line.
      Ctrl-C or SIGTERM lets answers under way finish. The endpoints are in docs/server.md.

      Examples:
        impetus serve
        impetus serve SmolLM2-135M-Instruct:q4 --port 8000
        impetus serve SmolLM2-135M-Instruct --adapter style=./style --adapter facts=./facts
        impetus serve --host 0.0.0.0 --api-key-file keys.txt --parallel 32
      """)

  @Argument(
    help: "Model of requests that name none, loaded at the start; name or folder.", completion: ModelCompletion.kind)
  var model: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A LoRA adapter of the model given, served as a model of this name; several times.", valueName: "name=folder"))
  var adapter: [String] = []

  @Option(name: .long, help: "Address to listen on.")
  var host = "127.0.0.1"

  @Option(name: .long, help: "Port to listen on; 0 takes a free one.")
  var port = 8080

  @Option(name: .long, help: "Models loaded at a time.")
  var maxModels = 3

  @Option(name: .long, help: "Requests answered together by each model.")
  var parallel = 16

  @Option(name: .long, help: "Requests that may wait for each model.")
  var queue = 256

  @Option(
    name: .long,
    help: ArgumentHelp("Web page that may use the server; may be given several times.", valueName: "origin"))
  var allowOrigin: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Name under which the server may be addressed while it listens on this machine only; several times.",
      valueName: "host"))
  var allowHost: [String] = []

  @Flag(name: .long, help: "Refuse request fields that have no effect.")
  var strict = false

  @OptionGroup var service: ServiceOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var storeOptions: StoreOptions

  func validate() throws {
    guard (1...1024).contains(parallel), (0...100_000).contains(queue) else {
      throw ValidationError("--parallel takes 1 to 1024, --queue 0 to 100000")
    }
  }

  func run() async throws {
    let logger = service.makeLogger()
    var configuration = ServerConfiguration()
    configuration.host = host
    configuration.port = port
    configuration.apiKeys = try service.apiKeys()
    configuration.maximumModels = maxModels
    configuration.allowedOrigins = allowOrigin
    configuration.allowedHosts = allowHost
    configuration.isStrict = strict
    configuration.sessionOptions = Session.Options(
      running: parallel, waiting: queue, speculation: engine.speculation)
    configuration.modelOptions = LoadedModel.Options(
      precise: engine.precise, threads: engine.threads, contextLength: engine.context, kvBits: try engine.cacheBits,
      sequences: parallel * 2)
    configuration.draftFolder = try engine.draft.map { try storeOptions.locate($0).folder }
    var folders: [String: String] = [:]
    if let model = try model ?? Configuration.load().defaultModel {
      let located = try storeOptions.usable(model)
      configuration.defaultModel = located.name
      if let draft = configuration.draftFolder {
        try Draft.check(try Tokenizer(folder: draft), for: try Tokenizer(folder: located.folder))
      }
      if located.stored == nil { folders[located.name] = located.folder }
    }
    try configuration.validate()
    let library = LibrarySource(
      library: try storeOptions.library(), folders: folders,
      policies: try Policies.load(environment: Environment.all), keepsPacked: !engine.noPackCache)
    let source: any ModelSource =
      adapter.isEmpty ? library : try AdaptedSource(adapter, of: configuration.defaultModel ?? "", in: library)
    let address = host.contains(":") ? "[\(host)]" : host
    let serving = Serving(
      configuration, source: source, logger: logger, hearsSignals: false,
      onReady: { note("listening on http://\(address):\($0)") })
    try await Interrupts.shared.handling(
      {
        note("ending; answers under way may finish. Once more ends at once.")
        Task { await serving.shutDown() }
      }, hearsTermination: true
    ) { try await serving.run() }
  }
}

/// The store's models, and folders named at the start, as a server sees them.
struct LibrarySource: ModelSource {
  let library: ModelLibrary
  /// Folders by the name they were given.
  let folders: [String: String]
  /// What they forbid is neither listed nor opened.
  let policies: Policies
  /// Whether packed weights are kept in the store.
  let keepsPacked: Bool

  func list() throws -> [ServableModel] {
    let models = try library.models().filter { isAllowed($0.model, in: $0.store) }
      .map { try servable($0.model, in: $0.store) }
    return folders.sorted { $0.key < $1.key }.map {
      ServableModel(name: $0.key, folder: $0.value, created: 0, owner: "local")
    }
      + models
  }

  func open(_ name: String) throws -> ServableModel? {
    if let folder = folders[name] { return ServableModel(name: name, folder: folder, created: 0, owner: "local") }
    // A request must not open folders of its choice: only names of the store are looked up.
    do {
      let (store, model) = try library.find(name)
      try policies.check(PolicySubject(model, try store.description(model)))
      return try servable(model, in: store)
    } catch let problem as StoreProblem {
      switch problem {
      case .notFound, .invalidName, .otherVersion: return nil
      default: throw problem
      }
    }
  }

  private func isAllowed(_ model: StoredModel, in store: ModelStore) -> Bool {
    policies.all.isEmpty
      || (try? policies.check(PolicySubject(model, try store.description(model)))) != nil
  }

  private func servable(_ model: StoredModel, in store: ModelStore) throws -> ServableModel {
    let located = try LocatedModel(model, in: store)
    return ServableModel(
      name: located.name, folder: located.folder, created: model.created,
      owner: model.reference.organization ?? "local", packCache: keepsPacked ? located.packCache : nil)
  }
}
