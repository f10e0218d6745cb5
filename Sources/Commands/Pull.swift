// SPDX-License-Identifier: Apache-2.0
// `impetus pull`: a model from the hub into the store; from a registry in PullRegistry.swift.

import ArgumentParser
import Basics
import Hub
import Library
import Registry
import Store
import Synchronization

struct Pull: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Get a model from the hub or a registry, or what is missing of it.",
    discussion: """
      Takes what running needs: config, tokenizer and safetensors, each checked against the hub's hash. Interrupted, the
      same command goes on where it stopped. The hub's address and token come from HF_ENDPOINT, HF_TOKEN and the token
      file; HF_HUB_OFFLINE forbids the network.

      What the hub's Python client has in its cache (HF_HUB_CACHE, HF_HOME) is verified and shared instead of fetched.
      With --to-hf-cache the model is written there too, so that Python programs find it.

      With --quantize the weights are quantized as they arrive, and the source is never on the disk: the result is the one
      that pull and then quantize make. Interrupted, the same command goes on where it stopped.

      Examples:
        impetus pull HuggingFaceTB/SmolLM2-135M-Instruct
        impetus pull Qwen/Qwen2.5-0.5B-Instruct --revision v1.0 --dry-run
        impetus pull Qwen/Qwen2.5-7B-Instruct --quantize 4
        impetus pull oci://registry.example.org/models/smollm2:q4
        impetus pull org/model --include "*.safetensors" --exclude "original/*" --limit-rate 10M
      """)

  @Argument(help: "The repository: ORG/NAME of the hub, or oci://HOST[:PORT]/NAME[:TAG].")
  var repository: String

  @Option(name: .long, help: "Branch, tag or commit.")
  var revision = "main"

  @Option(
    name: .long,
    help: ArgumentHelp("Take only files that match; may be given several times.", valueName: "pattern"))
  var include: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp("Leave out files that match; may be given several times.", valueName: "pattern"))
  var exclude: [String] = []

  @Flag(name: .long, help: "Take every file, also weights in other formats.")
  var all = false

  @Option(name: .long, help: "The model's name in the store; the repository's when it is left out.")
  var name: String?

  @Option(name: .long, help: "Connections at a time.")
  var connections = DownloadOptions.usualConnections

  @Option(
    name: .long, help: ArgumentHelp("Most bytes a second, such as 500K or 10M.", valueName: "rate"),
    transform: ByteCountArgument.parse)
  var limitRate: Int?

  @Flag(name: .long, help: "Use no network: succeed when all is here already.")
  var offline = false

  @Flag(name: .customLong("no-hf-cache"), help: "Take nothing from the cache of the hub's Python client.")
  var ignoresCache = false

  @Flag(name: .customLong("to-hf-cache"), help: "Write the model into the cache of the hub's Python client too.")
  var writesCache = false

  @Flag(name: .long, help: "Say what would be fetched, and fetch nothing.")
  var dryRun = false

  @Flag(name: .long, help: "Pull also what is certain not to run here.")
  var force = false

  @OptionGroup var quantizing: PullQuantizeOptions
  @OptionGroup var hub: HubOptions
  @OptionGroup var registry: RegistryOptions
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (1...64).contains(connections) else { throw ValidationError("--connections takes 1 to 64") }
    if quantizing.bits != nil, writesCache || offline || RegistryAddress.isOne(repository) {
      throw ValidationError("--quantize goes with a hub's repository, and not with --to-hf-cache or --offline")
    }
  }

  func run() async throws {
    if RegistryAddress.isOne(repository) { return try await runRegistry() }
    let library = try storeOptions.library()
    let repository = try RepoID(repository)
    let revision = try Revision(revision)
    var settings = try hub.settings()
    if let recipe = try quantizing.recipe() {
      settings.network.bytesPerSecond = limitRate
      return try await runQuantized(recipe, repository, revision, settings, library)
    }
    let name = try name.map { try Importing.reference($0) }
    if offline { settings.offlineBecause = "--offline" }
    if settings.offlineBecause != nil, let model = present(library.store, repository, name) {
      note("\(model.reference) is here; the network was not used")
      let written = try await interruptible { [writing = try cacheWriting(library.store)] in
        try await writing?.write(model, revision)
      }
      report(model, written, fetched: 0)
      return
    }
    settings.network.bytesPerSecond = limitRate
    let bar = ProgressLine("pulling \(repository)", mode: progress.progress)
    let (finalSettings, options) = (settings, DownloadOptions(connections: connections))
    let selection = Selection(include: include, exclude: exclude, everything: all)
    // Whoever chooses files by hand may want them for something else than running.
    let (isDryRun, isForced, printsJSON) = (dryRun, force || all || !include.isEmpty, output.json)
    let policies = try Policies.load(environment: Environment.all)
    let cache = ignoresCache ? nil : HubCache(environment: Environment.all)
    let writing = try cacheWriting(library.store)
    let result = try await resumable { () -> Outcome? in
      let client = try HubClient(finalSettings, notice: { Self.tell($0, bar) })
      let ingest = try Ingest(library.store)
      let destination = StoreDestination(ingest)
      let pulling = Pulling(
        client: client, destination: destination, cache: cache, neighbours: library.neighbours, policies: policies)
      let plan = try await pulling.plan(repository, revision: revision, selection: selection)
      Self.tell(plan)
      let estimate = plan.isComplete ? nil : try await Self.check(plan, client, isForced: isForced)
      if isDryRun {
        if printsJSON { Output.standard.json(.object(PlanJSON.dryRun(plan, estimate))) }
        return nil
      }
      let pulled = try await pulling.run(plan, options: options) { Self.tell($0, bar) }
      bar.finish()
      let published = try destination.publish(pulled, endpoint: "\(finalSettings.endpoint)", as: name)
      return Outcome(
        model: published.model, unsupported: published.unsupported, written: try await writing?.write(pulled),
        fetchedByteCount: pulled.receivedByteCount)
    }
    guard let result else { return }
    let model = result.model
    if let unsupported = result.unsupported {
      note("this program cannot run it: \(unsupported.description)")
      if let remedy = unsupported.remedy { note("  \(remedy)") }
    }
    note("\(model.reference) is here: \(Quantity.bytes(model.byteCount)), verified")
    report(model, result.written, fetched: result.fetchedByteCount)
  }

  /// What a pull has brought.
  private struct Outcome: Sendable {
    let model: StoredModel
    let unsupported: (any Problem)?
    let written: HubCache.Written?
    let fetchedByteCount: Int
  }

  /// What `--to-hf-cache` needs; nil without it.
  private func cacheWriting(_ store: ModelStore) throws -> CacheWriting? {
    guard writesCache else { return nil }
    guard let cache = HubCache(environment: Environment.all) else { throw CacheProblem.noCache }
    return CacheWriting(store: store, cache: cache, withoutLinks: HubCache.forbidsLinks(environment: Environment.all))
  }

  private func report(_ model: StoredModel, _ written: HubCache.Written?, fetched: Int) {
    if let written {
      let copied = written.copiedByteCount > 0 ? ", \(Quantity.bytes(written.copiedByteCount)) copied" : ""
      note("  in the hub's cache: \(written.folder)\(copied)")
    }
    guard output.json else { return }
    var object = ModelJSON.summary(model)
    object["fetched_bytes"] = JSONValue(fetched)
    if let written { object["hf_cache_folder"] = .string(written.folder) }
    Output.standard.json(.object(object))
  }

  /// The model that is here already, where no network may be used.
  private func present(_ store: ModelStore, _ repository: RepoID, _ name: Reference?) -> StoredModel? {
    let text = name?.full ?? "\(repository)"
    guard let model = try? store.resolve(text) else { return nil }
    guard let commit = try? Revision(revision).commit else { return model }
    return model.revision == commit.description ? model : nil
  }

  /// Says whether the model will run here; stops a pull that is certain to be in vain.
  /// - Returns: the estimate, where one can be made.
  /// - Throws: `PullProblem`, or `HubProblem.cancelled`. An estimate that cannot be made stops nothing.
  private static func check(_ plan: PullPlan, _ client: HubClient, isForced: Bool) async throws -> Estimate? {
    let estimate: Estimate
    do {
      let scratch = Environment.scratchFolder
      estimate = try await Estimating(client: client, scratchFolder: scratch, readsTokenizer: false).estimate(plan)
    } catch HubProblem.cancelled {
      throw HubProblem.cancelled
    } catch {
      return nil
    }
    for line in EstimateText.lines(estimate) { note("  \(line)") }
    if let problem = estimate.certainFailure(plan.resolved.repository), !isForced { throw problem }
    return estimate
  }

  static func tell(_ plan: PullPlan) {
    let count = plan.selection.taken.count
    let here = plan.presentByteCount > 0 ? ", \(Quantity.bytes(plan.presentByteCount)) are here already" : ""
    note(
      "\(plan.resolved.repository) at \(plan.resolved.commit.short): \(count) files, \(Quantity.bytes(plan.byteCount))\(here)"
    )
    var left: [Selection.Reason: (count: Int, bytes: Int)] = [:]
    for entry in plan.selection.leftOut {
      let sum = left[entry.reason, default: (0, 0)]
      left[entry.reason] = (sum.count + 1, sum.bytes + entry.file.byteCount)
    }
    for reason in Selection.Reason.allCases {
      if let sum = left[reason] {
        note("  left out: \(sum.count) files, \(Quantity.bytes(sum.bytes)): \(reason.rawValue)")
      }
    }
    for (keeper, name) in [(CachedContent.Keeper.store, "other stores"), (.hubCache, "the hub's cache")] {
      let byteCount = plan.byteCount(from: keeper)
      if byteCount > 0 { note("  from \(name): \(Quantity.bytes(byteCount))") }
    }
    if !plan.isComplete { note("  to fetch: \(Quantity.bytes(plan.fetchByteCount))") }
  }

  static func tell(_ event: DownloadEvent, _ bar: ProgressLine) {
    switch event {
    case .started, .verified: break
    case .progress(let progress):
      bar.update(done: progress.landedByteCount, total: progress.byteCount)
    case .refetching(let path, let count, let isSearch):
      let amount = Quantity.bytes(count)
      note("\(path) has a wrong hash; fetching \(isSearch ? "up to \(amount)" : amount) of it again")
    case .waiting(let host, let seconds): note("\(host) limits requests; waiting \(seconds) s")
    case .retrying(let problem, let pause):
      // All connections have the same trouble at once.
      if retries.isNew(problem.description) {
        note("\(problem.description); trying again in \(Quantity.duration(pause))")
      }
    }
  }
}

/// Troubles that were told a moment ago.
private let retries = RecentNotes()

/// Remembers what was said, so that it is not said again within two seconds.
private final class RecentNotes: Sendable {
  private let times = Mutex<[String: ContinuousClock.Instant]>([:])

  func isNew(_ text: String) -> Bool {
    times.withLock { times in
      let now = ContinuousClock.now
      times = times.filter { now - $0.value < .seconds(2) }
      guard times[text] == nil else { return false }
      times[text] = now
      return true
    }
  }
}

/// Byte counts as people write them.
enum ByteCountArgument {
  /// `1500`, `500K`, `10M`, `1.5G`, `2MiB`: K, M, G by thousands, Ki, Mi, Gi by 1024.
  static func parse(_ text: String) throws -> Int {
    var rest = text.lowercased()
    if rest.hasSuffix("b") { rest.removeLast() }
    var factor = 1.0
    let isBinary = rest.hasSuffix("i")
    if isBinary { rest.removeLast() }
    let base = isBinary ? 1024.0 : 1000.0
    for (suffix, power) in [("k", base), ("m", base * base), ("g", base * base * base)] where rest.hasSuffix(suffix) {
      rest.removeLast()
      factor = power
    }
    guard let value = Double(rest), value.isFinite, value * factor >= 1, value * factor < 1e15 else {
      throw ValidationError("\"\(text)\" is no number of bytes, such as 500K or 10M")
    }
    return Int(value * factor)
  }
}
