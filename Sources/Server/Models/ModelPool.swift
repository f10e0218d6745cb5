// SPDX-License-Identifier: Apache-2.0
// The models in memory: loaded when first asked for, each once, and let go of when others need the room.

internal import Basics
internal import Inference
internal import Logging

/// Loads models by name and evicts those used longest ago, never one in use.
actor ModelPool {
  private struct Entry {
    let byteCount: Int
    /// The load under way or done; all who ask meanwhile wait for the same one.
    let loading: Task<RunningModel, any Error>
    var model: RunningModel?
    /// Requests that wait for the load; they keep the model in memory until they hold it themselves.
    var waiting = 0
    /// Counts up with every use.
    var lastUse: Int
  }

  /// Why no model can be had now.
  enum Refusal: Error { case unknown, busy, tooLarge(byteCount: Int, budget: Int) }

  private let source: any ModelSource
  private let configuration: ServerConfiguration
  private let byteBudget: Int
  private let counters: Counters
  private let logger: Logger
  private var entries: [String: Entry] = [:]
  private var clock = 0

  init(source: any ModelSource, configuration: ServerConfiguration, counters: Counters, logger: Logger) {
    self.source = source
    self.configuration = configuration
    self.counters = counters
    self.logger = logger
    byteBudget = configuration.modelByteBudget ?? Memory.available
  }

  /// All models there are.
  func list() async throws -> [ServableModel] {
    let source = source
    return try await Blocking.run("models") { try source.list() }
  }

  /// The model a name means.
  /// - Throws: `Refusal.unknown` when there is none.
  func find(_ name: String) async throws -> ServableModel {
    let source = source
    guard let model = try await Blocking.run("models", { try source.open(name) }) else { throw Refusal.unknown }
    return model
  }

  /// Names of the models in memory.
  var loaded: [RunningModel] { entries.values.compactMap(\.model).sorted { $0.name < $1.name } }

  func isLoaded(_ name: String) -> Bool { entries[name]?.model != nil }

  /// The model of a name, loaded if need be, and held until the lease goes away.
  func lease(_ name: String) async throws -> ModelLease {
    let found = try await find(name)
    clock += 1
    if entries[found.loadedName] == nil { try await startLoading(found) }
    guard let entry = entries[found.loadedName] else { throw Refusal.busy }
    entries[found.loadedName]?.lastUse = clock
    if let model = entry.model { return ModelLease(model, as: found) }
    entries[found.loadedName]?.waiting += 1
    defer { entries[found.loadedName]?.waiting -= 1 }
    return ModelLease(try await entry.loading.value, as: found)
  }

  /// Begins to load a model and does not wait for it.
  func preload(_ name: String) async throws {
    let found = try await find(name)
    if entries[found.loadedName] == nil { try await startLoading(found) }
  }

  private func startLoading(_ found: ServableModel) async throws {
    let draft = configuration.draftFolder == found.folder ? nil : configuration.draftFolder
    let byteCount = try await Blocking.run("models") {
      try Self.byteCount(of: found.folder) + (try draft.map(Self.byteCount) ?? 0)
    }
    guard byteCount <= byteBudget else { throw Refusal.tooLarge(byteCount: byteCount, budget: byteBudget) }
    try await makeRoom(byteCount, for: found.loadedName)
    guard entries[found.loadedName] == nil else { return }
    let options = configuration.modelOptions
    let session = configuration.sessionOptions
    let loading = Task {
      let begin = ContinuousClock.now
      let model = try await Blocking.run("load") {
        try RunningModel(found, options: options, session: session, draft: draft)
      }
      finished(model, after: ContinuousClock.now - begin)
      return model
    }
    entries[found.loadedName] = Entry(byteCount: byteCount, loading: loading, lastUse: clock)
    // A load that fails must not stand in the way of the next attempt.
    Task {
      if case .failure(let error) = await loading.result { failed(found.loadedName, error) }
    }
  }

  private func finished(_ model: RunningModel, after time: Duration) {
    entries[model.name]?.model = model
    counters.loaded(model.name, time)
    logger.info("model loaded", metadata: ["model": "\(model.name)", "seconds": "\(time.seconds)"])
  }

  private func failed(_ name: String, _ error: any Error) {
    entries[name] = nil
    counters.loadFailed()
    logger.error("model not loaded", metadata: ["model": "\(name)", "error": "\(error)"])
  }

  private func hasRoom(for byteCount: Int) -> Bool {
    entries.count < configuration.maximumModels
      && entries.values.reduce(byteCount) { $0 + $1.byteCount } <= byteBudget
  }

  /// Evicts models nobody uses until one of this size fits.
  private func makeRoom(_ byteCount: Int, for name: String) async throws {
    // Somebody else may begin to load it while this waits for an engine to end.
    while entries[name] == nil && !hasRoom(for: byteCount) {
      let idle = entries.filter { $0.value.model?.isInUse == false && $0.value.waiting == 0 }
      guard let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse }), let model = oldest.value.model else {
        throw Refusal.busy
      }
      entries[oldest.key] = nil
      counters.evicted()
      logger.info("model evicted", metadata: ["model": "\(oldest.key)", "for": "\(name)"])
      await model.session.close()
    }
  }

  /// Ends all engines.
  func close() async {
    let models = loaded
    entries = [:]
    for model in models { await model.session.close() }
  }

  /// Size of the weights in a folder.
  private static func byteCount(of folder: String) throws -> Int {
    try Files.list(folder).filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf") }
      .reduce(0) { $0 + (try Files.byteCount("\(folder)/\($1)")) }
  }
}
