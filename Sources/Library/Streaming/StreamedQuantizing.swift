// SPDX-License-Identifier: Apache-2.0
// Pull and quantize in one pass: the source's bytes are hashed and quantized as they arrive and are never on the disk.
// What comes out is, to the bit and to the manifest, what `pull` and then `quantize` make.

internal import Basics
internal import Checkpoints
public import Hub
internal import Quantization
public import Store
internal import Synchronization

/// The use case of `impetus pull --quantize`, without a terminal.
public struct StreamedQuantizing: Sendable {
  /// What is wanted.
  public struct Request: Sendable {
    public var recipe: Quantizing.Recipe
    /// Name or `:VARIANT` of the result; nil takes `:q4` and the like.
    public var name: String?
    /// What the model is called that is quantized; nil takes the name a pull would give it.
    public var base: Reference?
    /// Where the model comes from; nil takes what a pull would note.
    public var origin: Origin?
    /// Threads that compute.
    public var threads: Int

    public init(
      _ recipe: Quantizing.Recipe, name: String? = nil, base: Reference? = nil, origin: Origin? = nil, threads: Int
    ) {
      self.recipe = recipe
      self.name = name
      self.base = base
      self.origin = origin
      self.threads = threads
    }
  }

  /// What was made.
  public struct Outcome: Sendable {
    public let model: StoredModel
    /// Average over all elements.
    public let bitsPerWeight: Double
    /// Tensors of the source that the model does not use.
    public let dropped: [String]
    /// Bytes that came over the network for the weights.
    public let receivedByteCount: Int
  }

  let pulling: Pulling
  let ingest: Ingest
  let request: Request
  let options: DownloadOptions
  let events: @Sendable (DownloadEvent) -> Void

  /// - Parameters:
  ///   - pulling: with the store as its destination.
  ///   - ingest: the session of that destination.
  public init(
    pulling: Pulling, ingest: Ingest, request: Request, options: DownloadOptions,
    events: @escaping @Sendable (DownloadEvent) -> Void
  ) {
    self.pulling = pulling
    self.ingest = ingest
    self.request = request
    self.options = options
    self.events = events
  }

  /// Does all of it, or what an interrupted run has left to do.
  /// - Throws: `PullProblem`, `QuantizationProblem`, `HubProblem`, or what the model's formats and the store throw. What
  ///   is finished stays for the next run.
  public func run(_ plan: PullPlan) async throws -> Outcome {
    let isShard: (RepoFile) -> Bool = { $0.path.isTopLevel && $0.path.name.hasSuffix(".safetensors") }
    let shards = plan.selection.taken.filter(isShard)
    guard !shards.isEmpty else {
      throw PullProblem.nothingToTake(
        repository: plan.resolved.repository.description,
        formats: Set(plan.selection.leftOut.compactMap { $0.reason == .duplicateFormat ? $0.file.path.suffix : nil })
          .sorted())
    }
    let small = try await pulling.run(plan.only { !isShard($0) }, options: options)
    let source = StreamedSource(
      plan: plan, small: small, shards: shards, client: pulling.client, store: ingest.store, options: options)
    let heads = try await source.heads(folder: "\(ingest.folder)/heads")
    let quantizing = try opened(heads.folder, plan)
    let reference = try name(plan)
    let work = try StreamedWork(self, source: source, heads: heads, quantizing: quantizing, reference: reference)
    let (model, received) = try await work.run()
    return Outcome(
      model: model, bitsPerWeight: quantizing.plan.bitsPerWeight, dropped: quantizing.dropped,
      receivedByteCount: received)
  }

  private func opened(_ folder: String, _ plan: PullPlan) throws -> Quantizing {
    do {
      return try Quantizing(folder: folder, recipe: request.recipe)
    } catch QuantizationProblem.alreadyQuantized {
      throw QuantizationProblem.alreadyQuantized(folder: plan.resolved.repository.description)
    }
  }

  /// The name of the model that would have been pulled.
  func base(_ plan: PullPlan) throws -> Reference {
    try request.base ?? StoreDestination.reference(plan.resolved.repository, plan.revision)
  }

  private func name(_ plan: PullPlan) throws -> Reference {
    let base = try base(plan)
    return try Derivation.name(
      request.name, organization: base.organization, name: base.name, variant: request.recipe.standard.variant)
  }
}
