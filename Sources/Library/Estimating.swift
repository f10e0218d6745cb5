// SPDX-License-Identifier: Apache-2.0
// Whether a model of the hub will run here, asked before its bytes are fetched: the heads of its files tell parameters
// and shapes, and with them the memory of its weights as they are or quantized, and of a conversation.

internal import Basics
public import Hub
internal import Inference
internal import Models
internal import Quantization

/// What can be known of a model without its weights.
public struct Estimate: Sendable {
  /// The memory of a machine, in bytes.
  public struct Machine: Sendable, Equatable {
    /// What is installed.
    public var installed: Int
    /// What other programs leave.
    public var available: Int

    public init(installed: Int, available: Int) {
      self.installed = installed
      self.available = available
    }

    /// The machine this runs on.
    public static var here: Machine { Machine(installed: Memory.installed, available: Memory.available) }
  }

  /// The weights in one of the forms they can have.
  public struct Form: Sendable, Equatable {
    /// Bits of the quantization; nil for the weights as they are published.
    public let bits: Int?
    /// Bytes of the weights in memory.
    public let weightByteCount: Int
  }

  /// How it stands.
  public enum Verdict: Sendable, Equatable {
    /// It runs as it is.
    case fits
    /// It runs when quantized to so many bits.
    case fitsQuantized(bits: Int)
    /// It would run in this machine's memory, but other programs hold too much of it.
    case crowded(needed: Int)
    /// No form of it fits into this machine.
    case tooLarge(needed: Int)
    /// This program has no such architecture.
    case unsupportedArchitecture(String)
    /// It asks for something else that is not supported, of its tokenizer too, or has to be converted first.
    case unsupported(String)
    /// It cannot be told.
    case unknown
  }

  /// What its files say; nil when they say nothing.
  public let facts: Describing.Facts?
  /// Why they say nothing.
  public let trouble: String?
  /// The forms, as published first.
  public let forms: [Form]
  /// Tokens that the cache is counted for.
  public let contextLength: Int
  /// Bytes of the cache for them.
  public let cacheByteCount: Int
  /// The memory it has to fit into.
  public let machine: Machine

  /// Memory of a form with its cache.
  public func byteCount(_ form: Form) -> Int { form.weightByteCount &+ cacheByteCount }

  /// What follows from it.
  public var verdict: Verdict {
    if case .unsupportedArchitecture(let name, _)? = facts?.unsupported as? ModelProblem {
      return .unsupportedArchitecture(name)
    }
    if let problem = facts?.unsupported { return .unsupported(problem.description) }
    guard let smallest = forms.map({ byteCount($0) }).min() else { return .unknown }
    if smallest > machine.installed { return .tooLarge(needed: smallest) }
    if let form = forms.first(where: { byteCount($0) <= machine.available }) {
      return form.bits.map { .fitsQuantized(bits: $0) } ?? .fits
    }
    return .crowded(needed: smallest)
  }

  /// The problem of a model that is certain not to run here; nil where there is hope.
  public func certainFailure(_ repository: RepoID) -> PullProblem? {
    switch verdict {
    case .unsupportedArchitecture(let name):
      .cannotRun(repository: repository.description, why: "the architecture \"\(name.prefix(64))\" is not supported")
    case .tooLarge(let needed):
      .tooLarge(repository: repository.description, needed: needed, installed: machine.installed)
    case .fits, .fitsQuantized, .crowded, .unsupported, .unknown: nil
    }
  }
}

/// The use case of `impetus plan`.
public struct Estimating: Sendable {
  /// The hub to ask.
  public let client: HubClient
  /// The memory that a model has to fit into.
  public let machine: Estimate.Machine
  /// An existing folder for small files, removed again at once.
  private let scratchFolder: String
  /// Whether the tokenizer is looked at: the only file of many megabytes. A pull has it soon enough.
  private let readsTokenizer: Bool

  public init(
    client: HubClient, machine: Estimate.Machine = .here, scratchFolder: String = "/tmp", readsTokenizer: Bool
  ) {
    self.client = client
    self.machine = machine
    self.scratchFolder = scratchFolder
    self.readsTokenizer = readsTokenizer
  }

  /// Bits that are counted beside the published form, as `quantize` offers them.
  static let widths = [8, 6, 5, 4, 3, 2]
  /// Tokens that are counted when nobody says how many.
  public static let usualContext = 4096

  /// Looks at what a pull would take.
  /// - Parameter context: tokens of a conversation; nil counts 4096, or what the model can if that is less.
  /// - Throws: `HubProblem`; what the files themselves have wrong is part of the estimate.
  public func estimate(_ plan: PullPlan, context: Int? = nil) async throws -> Estimate {
    let files = plan.selection.taken
    guard files.contains(where: { $0.path.description == "config.json" }) else {
      return blank("it has no config.json", context)
    }
    let folder = "\(scratchFolder)/impetus-plan-\(Files.uniqueSuffix())"
    try Files.makeFolders(folder, mode: 0o700)
    defer { try? Files.removeTree(folder) }
    let listing = try RepoListing(repository: plan.resolved.repository, commit: plan.resolved.commit, files: files)
    do {
      try await ModelSketch(client: client, listing: listing, folder: folder).draw(
        files, drawsTokenizer: readsTokenizer)
      return try read(folder, context)
    } catch let problem as HubProblem {
      throw problem
    } catch let problem as any Problem {
      return blank(problem.description, context)
    }
  }

  private func blank(_ trouble: String, _ context: Int?, facts: Describing.Facts? = nil) -> Estimate {
    Estimate(
      facts: facts, trouble: trouble, forms: [], contextLength: context ?? Self.usualContext, cacheByteCount: 0,
      machine: machine)
  }

  private func read(_ folder: String, _ context: Int?) throws -> Estimate {
    let facts = try Describing.facts(folder: folder)
    if let problem = facts.unsupported { return blank(problem.description, context, facts: facts) }
    let tokens = context ?? min(Self.usualContext, facts.contextLength ?? Self.usualContext)
    var cacheByteCount = 0
    var forms: [Estimate.Form] = []
    if let snapshot = try? Snapshot.open(folder) {
      cacheByteCount = CacheNeed.byteCount(snapshot.architecture, tokens: tokens)
      forms = Self.widths.compactMap { Self.form(folder, bits: $0) }
    }
    let published = Estimate.Form(bits: nil, weightByteCount: facts.loadedByteCount)
    return Estimate(
      facts: facts, trouble: nil, forms: [published] + forms, contextLength: tokens, cacheByteCount: cacheByteCount,
      machine: machine)
  }

  /// The weights quantized; nil for a model that is quantized already.
  private static func form(_ folder: String, bits: Int) -> Estimate.Form? {
    guard let format = try? Affine(bits: bits, groupSize: 64),
      let quantizing = try? Quantizing(folder: folder, recipe: Quantizing.Recipe(format))
    else { return nil }
    return Estimate.Form(bits: bits, weightByteCount: quantizing.plan.byteCount)
  }
}
