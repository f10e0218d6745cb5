// SPDX-License-Identifier: Apache-2.0
// From a model's folder to the folder of its quantized variant in MLX's layout, bit for bit what
// mlx-lm's convert makes of it on a CPU, in bounded memory: rows go from the mapped source through a
// block of about a megabyte straight to their place in the result.

public import Basics
internal import Checkpoints
internal import Models
public import Quantization
internal import Synchronization
internal import Tensors

/// The use case of `impetus quantize`, without a terminal and without a store.
public struct Quantizing: Sendable {
  /// What is wanted.
  public struct Recipe: Sendable, Equatable {
    /// What most matrices get.
    public var standard: Affine
    /// What some of them get instead.
    public var overrides: [Policy.Override]
    /// Smaller groups for matrices that do not fit the standard ones, instead of leaving them.
    public var shrinksGroups: Bool
    /// Compares the result with the source, which costs about as much as quantizing.
    public var measuresErrors: Bool

    public init(
      _ standard: Affine, overrides: [Policy.Override] = [], shrinksGroups: Bool = false, measuresErrors: Bool = false
    ) {
      self.standard = standard
      self.overrides = overrides
      self.shrinksGroups = shrinksGroups
      self.measuresErrors = measuresErrors
    }
  }

  /// What was made.
  public struct Outcome: Sendable, FolderOutcome {
    /// Names of all files in the folder.
    public var files: [String]
    /// Errors of each matrix, when they were asked for.
    public var report: QualityReport
    /// How the result was made, for the provenance of a derived model: the same for the same recipe.
    public var recipe: JSONObject
  }

  /// Folder of the source.
  public let folder: String
  /// What is wanted.
  public let recipe: Recipe
  /// What the result will be.
  public let plan: Plan
  /// Tensors of the source that the model does not use.
  public let dropped: [String]
  private let config: JSONObject
  private let tensors: [QuantizingTensor]

  /// Opens the source and plans, reading only the heads of its files.
  /// - Throws: `QuantizationProblem`, or what opening the model throws.
  public init(folder: String, recipe: Recipe) throws {
    let config = try Snapshot.readConfig(folder).objectValue ?? JSONObject()
    guard config["quantization"] == nil, config["quantization_config"] == nil else {
      throw QuantizationProblem.alreadyQuantized(folder: folder)
    }
    let snapshot = try Snapshot.open(folder)
    let found = try QuantizingTensors(
      snapshot.architecture, checkpoint: snapshot.weights.checkpoint,
      dtype: config["torch_dtype"]?.stringValue.flatMap { DType(torchName: $0) })
    let policy = Policy(
      standard: recipe.standard, modelType: snapshot.architecture.modelType, overrides: recipe.overrides,
      shrinksGroups: recipe.shrinksGroups)
    let others = found.tensors.filter { !$0.isCandidate }
    self.folder = folder
    self.recipe = recipe
    self.config = config
    tensors = found.tensors
    dropped = found.dropped
    plan = try Plan(
      policy: policy,
      candidates: found.tensors.filter(\.isCandidate).map {
        Candidate(path: $0.path, shape: $0.shape, dtype: $0.dtype)
      },
      others: (
        others.reduce(0) { $0 + $1.shape.elementCount },
        others.reduce(0) { $0 + $1.shape.elementCount * $1.dtype.bitCount / 8 }
      ))
  }

  /// Writes the result. Blocks its thread until done; not to be called on the cooperative pool.
  /// - Parameters:
  ///   - target: an existing, empty folder.
  ///   - threads: threads that compute, the caller's among them.
  ///   - progress: called from any of them, in bytes of the source.
  ///   - isCancelled: asked for each block.
  /// - Throws: `QuantizationProblem`, also `.cancelled`; `CheckpointProblem`; `FileProblem`. What was
  ///   written until then stays in the folder.
  public func write(
    to target: String, threads: Int, progress: @escaping @Sendable (FolderProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> Outcome {
    let work = try work()
    let writer = try ShardedWriter(folder: target, work.flatMap(\.declarations), metadata: Self.metadata)
    let total = tensors.reduce(0) { $0 + $1.byteCount }
    let done = Atomic<Int>(0)
    var report = QualityReport()
    for tensor in work {
      let blocks = tensor.blocks
      let errors = Mutex(QualityReport.Errors())
      try Workers.run(count: blocks.count, threads: threads) { index in
        if isCancelled() { throw QuantizationProblem.cancelled }
        let measured = try tensor.write(blocks[index], to: writer)
        errors.withLock { $0.add(measured) }
        let now = done.add(blocks[index].byteCount, ordering: .relaxed).newValue
        progress(FolderProgress(done: now, total: total))
      }
      // The source's pages have been used; they need not stay in this process.
      tensor.releasePages()
      if recipe.measuresErrors, tensor.isQuantized { report.add(tensor.path, errors.withLock { $0 }) }
    }
    let made = try finish(writer, in: target)
    return Outcome(files: made.files, report: report, recipe: made.recipe)
  }

  /// Notes of the weights' files.
  static let metadata = [("format", "mlx")]

  /// Every tensor of the result, with the way its values come to be.
  func work() throws -> [TensorWork] {
    let choices = Dictionary(uniqueKeysWithValues: plan.entries.map { ($0.candidate.path, $0.choice) })
    return try tensors.map { try TensorWork($0, choices[$0.path], measuresErrors: recipe.measuresErrors) }
  }

  /// Ends a result whose weights are written: their index, config.json, and copies of the other files.
  func finish(_ writer: ShardedWriter, in target: String) throws -> MadeFolder {
    try writer.finish(parameterCount: plan.parameterCount)
    try QuantizingFiles.writeConfig(config, plan: plan, from: folder, to: target)
    let copied = try QuantizingFiles.copyOthers(from: folder, to: target)
    return MadeFolder(
      files: (writer.fileNames + [ShardIndex.fileName, "config.json"] + copied).sorted(), recipe: recipeNote)
  }

  /// What recipes call it.
  static let method = "affine, round to nearest"

  /// The recipe as a derived model's provenance holds it.
  var recipeNote: JSONObject {
    [
      "method": .string(Self.method), "rule": "mlx 0.32 cpu", "quantization": .object(plan.configuration),
      "tool": .string("\(Program.name) \(Program.version)"),
    ]
  }
}
