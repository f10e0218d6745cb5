// SPDX-License-Identifier: Apache-2.0
// A model ready to run: description, tokenizer, chat template and weights, shared by all who use it.

public import Models

/// A model opened from a folder. Immutable; a `Forward` made from it does the work.
public final class LoadedModel: Sendable {
  /// How a model is opened.
  public struct Options: Sendable {
    /// Computes in float32 on the weights as stored, as the reference does; otherwise the fast kernels.
    public var precise: Bool
    /// Threads of the kernels, the engine's own among them; nil takes every usable core.
    public var threads: Int?
    /// Longest sequence, also beyond what the model was made for; nil takes its own limit.
    public var contextLength: Int?
    /// Most bytes the key/value cache may take; nil takes half of what is available.
    public var kvByteBudget: Int?
    /// Bits of an element of the key/value cache; not with `precise`, which keeps float32.
    public var kvBits: CacheBits
    /// Most sequences open at once.
    public var sequences: Int
    /// Most tokens of one step.
    public var stepTokens: Int
    /// Where packed weights are kept for the next start; nil keeps none.
    public var packCache: PackCache?
    /// Adapters that sequences may ask for.
    public var adapters: [NamedAdapter] = []

    public init(
      precise: Bool = false, threads: Int? = nil, contextLength: Int? = nil, kvByteBudget: Int? = nil,
      kvBits: CacheBits = .sixteen, sequences: Int = 64, stepTokens: Int = 512
    ) {
      self.precise = precise
      self.threads = threads
      self.contextLength = contextLength
      self.kvByteBudget = kvByteBudget
      self.kvBits = kvBits
      self.sequences = sequences
      self.stepTokens = stepTokens
    }
  }

  /// The folder, its config, tokenizer and chat template.
  public let snapshot: Snapshot
  public let options: Options

  /// The matrices and vectors of the layers.
  let weights: EngineWeights
  let adapters: AdapterWeights?

  /// What the model is.
  public var architecture: Architecture { snapshot.architecture }

  /// Names of the adapters it was opened with.
  public var adapterNames: [String] { adapters?.names ?? [] }

  init(snapshot: Snapshot, options: Options) throws {
    for (name, value) in [("sequences", options.sequences), ("step tokens", options.stepTokens)] where value < 1 {
      throw InferenceProblem.invalidOption(name: name, value: value, allowed: "1 or more")
    }
    guard !options.precise || options.kvBits == .sixteen else {
      throw InferenceProblem.invalidOption(
        name: "bits of the cache", value: options.kvBits.rawValue, allowed: "none when computing precisely")
    }
    if let bound = snapshot.architecture.contextBound, let asked = options.contextLength, asked > bound {
      throw InferenceProblem.invalidOption(name: "context", value: asked, allowed: "\(bound) or less for this model")
    }
    self.snapshot = snapshot
    self.options = options
    adapters = options.adapters.isEmpty ? nil : try AdapterWeights(options.adapters, for: snapshot.architecture)
    weights = try EngineWeights(
      snapshot, precise: options.precise, cache: options.packCache, threads: try options.threadCount())
  }

  /// Whether the packed weights were found in the cache.
  public var isPackedBefore: Bool { weights.tables.isPackedBefore }

  /// Waits until packed weights that are being kept for the next start are on the disk. A process that ends before leaves
  /// nothing, and its next start packs again.
  public func settle() { weights.tables.settle() }

  /// Opens and checks the model in a folder, and packs its weights.
  /// - Throws: `ModelProblem`, `CheckpointProblem` or `InferenceProblem`.
  public static func load(folder: String, options: Options = Options()) throws -> LoadedModel {
    try load(try Snapshot.open(folder), options: options)
  }

  /// Packs the weights of a model that is open.
  /// - Throws: `ModelProblem`, `CheckpointProblem` or `InferenceProblem`.
  public static func load(_ snapshot: Snapshot, options: Options = Options()) throws -> LoadedModel {
    guard !snapshot.architecture.isBidirectional, !snapshot.architecture.lacksOutput else {
      throw ModelProblem.encoder(name: snapshot.architecture.modelType)
    }
    return try LoadedModel(snapshot: snapshot, options: options)
  }
}
