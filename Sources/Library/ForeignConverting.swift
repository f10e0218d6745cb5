// SPDX-License-Identifier: Apache-2.0
// From a checkpoint that another program quantized (GPTQ, AWQ, compressed-tensors, 8-bit floats) to a folder in MLX's
// layout. Integer codes are moved, not chosen anew: what MLX's affine format can hold comes out exactly as it went in.
// Everything else is widened to the model's own type. A block of rows at a time is in memory.

internal import Basics
internal import Checkpoints
internal import Models
internal import Quantization
internal import Synchronization
internal import Tensors

/// The conversion of a foreign checkpoint, without a terminal and without a store.
public struct ForeignConverting: Sendable {
  /// Folder of the source.
  public let folder: String
  /// How it was quantized: `gptq` and the like.
  public let method: String
  /// Matrices whose codes stay as they are.
  public let exactCount: Int
  /// Matrices that are widened, with the reason.
  public let widened: [(path: String, reason: String)]
  private let config: JSONObject
  private let work: [ForeignWork]
  private let parameterCount: Int

  /// Opens the source and checks that all of it is understood, before anything is written.
  /// - Parameter file: the only file of weights to look at; nil for those the folder's index names.
  /// - Returns: nil when the model is not quantized by a program whose format is converted.
  /// - Throws: `ModelProblem`, `CheckpointProblem`.
  public init?(folder: String, file: String? = nil) throws {
    let config = try Snapshot.readConfig(folder).objectValue ?? JSONObject()
    guard let settings = try ForeignQuantization.read(config: config, folder: folder) else { return nil }
    let checkpoint: any Checkpoint =
      if let file { try SafetensorsFile(file) } else { try openCheckpoint(folder: folder) }
    let found = try ForeignCheckpoint(checkpoint, settings)
    let dtype = (config["torch_dtype"] ?? config["dtype"])?.stringValue.flatMap { DType(torchName: $0) }
    work = try found.items.map { try ForeignWork($0, dtype: dtype) }
    self.folder = folder
    self.config = config
    method = settings.method.rawValue
    exactCount = work.count { $0.format != nil }
    widened = work.compactMap { work in work.wideningReason.map { (work.path, $0) } }
    parameterCount = found.parameterCount
  }

  /// Bytes that the weights of the result take.
  public var weightByteCount: Int {
    work.flatMap(\.declarations).reduce(0) { $0 + ($1.dtype.byteCount(elements: $1.shape.elementCount) ?? 0) }
  }

  /// Writes the folder. Blocks its thread until done; not to be called on the cooperative pool.
  /// - Parameters:
  ///   - target: an existing, empty folder.
  ///   - threads: threads that compute, the caller's among them.
  ///   - progress: called from any of them, in elements.
  ///   - isCancelled: asked for each block.
  /// - Throws: `QuantizationProblem.cancelled`, `.notFinite`; `ModelProblem`, `CheckpointProblem`, `FileProblem`. What was
  ///   written until then stays in the folder.
  public func write(
    to target: String, threads: Int, progress: @escaping @Sendable (FolderProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> MadeFolder {
    let writer = try ShardedWriter(folder: target, work.flatMap(\.declarations), metadata: [("format", "mlx")])
    let done = Atomic<Int>(0)
    let total = parameterCount
    for tensor in work {
      let rows = try tensor.opened()
      let blocks = rows.blocks
      try Workers.run(count: blocks.count, threads: threads) { index in
        if isCancelled() { throw QuantizationProblem.cancelled }
        let elements = try rows.write(blocks[index], to: writer)
        progress(FolderProgress(done: done.add(elements, ordering: .relaxed).newValue, total: total))
      }
      tensor.releasePages()
    }
    try writer.finish(parameterCount: parameterCount)
    try QuantizingFiles.writeConfig(config, quantization: quantization, to: target)
    let copied = try QuantizingFiles.copyOthers(
      from: folder, to: target, except: ["quantize_config.json", "quant_config.json"])
    return MadeFolder(
      files: (writer.fileNames + [ShardIndex.fileName, "config.json"] + copied).sorted(), recipe: recipeNote)
  }

  /// The commonest format as the standard, the others as entries of their own; nil when everything was widened.
  private var quantization: JSONObject? {
    var counts: [Affine: Int] = [:]
    for work in work { if let format = work.format { counts[format, default: 0] += 1 } }
    let common = counts.max { ($0.value, $0.key.bits, $0.key.groupSize) < ($1.value, $1.key.bits, $1.key.groupSize) }
    guard let standard = common?.key else { return nil }
    var object: JSONObject = [
      "group_size": JSONValue(standard.groupSize), "bits": JSONValue(standard.bits), "mode": "affine",
    ]
    for work in work {
      guard let format = work.format, format != standard else { continue }
      object[work.path] = ["group_size": JSONValue(format.groupSize), "bits": JSONValue(format.bits)]
    }
    return object
  }

  /// What recipes call it, before the other program's method.
  static let methodPrefix = "converted from "

  private var recipeNote: JSONObject {
    [
      "method": .string(Self.methodPrefix + method), "exact": JSONValue(exactCount),
      "widened": JSONValue(widened.count), "tool": .string("\(Program.name) \(Program.version)"),
    ]
  }
}
