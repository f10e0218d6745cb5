// SPDX-License-Identifier: Apache-2.0
// A model with LoRA adapters added to its weights. Unquantized matrices are added in float32 and rounded once; affine ones
// are decoded, added, rounded to the type of their scales and quantized again with their own bits and groups.

internal import Basics
internal import Checkpoints
public import Models
internal import Quantization
internal import Synchronization
internal import Tensors

/// The use case of `impetus fuse`, without a terminal and without a store.
public struct Fusing: Sendable {
  /// Folder of the source.
  public let folder: String
  /// The adapters, added in this order.
  public let adapters: [Adapter]
  /// Matrices that change.
  public let changedCount: Int
  private let tensors: [FusingTensor]

  /// What a recipe calls it.
  static let method = "LoRA adapters fused"

  /// Opens the model and checks that the adapters fit it, before anything is written.
  /// - Throws: `ModelProblem`, or what opening the model throws.
  public init(folder: String, adapters: [Adapter]) throws {
    let checkpoint = try Snapshot.open(folder).weights.checkpoint
    var updates: [String: [AdapterUpdate]] = [:]
    for update in adapters.flatMap(\.updates) { updates[update.path, default: []].append(update) }
    for path in updates.keys.sorted() where !checkpoint.has("\(path).weight") {
      throw ModelProblem.invalidTensor(name: path, reason: "the adapter changes it, and the model has no such matrix")
    }
    var tensors: [FusingTensor] = []
    for name in checkpoint.names {
      let view = try checkpoint.require(name)
      guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), let updates = updates[String(name[..<dot])] else {
        tensors.append(FusingTensor(name: name, view: view, matrix: nil))
        continue
      }
      let (path, end) = (String(name[..<dot]), name[dot...])
      switch end {
      case ".weight":
        tensors.append(
          FusingTensor(name: name, view: view, matrix: try FusingMatrix(path, view, checkpoint, updates)))
      // They are written with the codes.
      case ".scales" where checkpoint.has("\(path).biases"), ".biases" where checkpoint.has("\(path).scales"): continue
      default: tensors.append(FusingTensor(name: name, view: view, matrix: nil))
      }
    }
    self.folder = folder
    self.adapters = adapters
    self.tensors = tensors
    changedCount = updates.count
  }

  /// Writes the result. Blocks its thread until done; not to be called on the cooperative pool.
  /// - Parameters:
  ///   - target: an existing, empty folder.
  ///   - threads: threads that compute, the caller's among them.
  ///   - progress: called from any of them, in bytes of the source.
  ///   - isCancelled: asked for each block.
  /// - Throws: `QuantizationProblem.cancelled`, `.notFinite`; `ModelProblem`, `CheckpointProblem`, `FileProblem`. What was
  ///   written until then stays in the folder.
  public func write(
    to target: String, threads: Int, progress: @escaping @Sendable (FolderProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> MadeFolder {
    let writer = try ShardedWriter(folder: target, tensors.flatMap(\.declarations), metadata: [("format", "mlx")])
    let total = tensors.reduce(0) { $0 + $1.view.byteCount }
    let done = Atomic<Int>(0)
    for tensor in tensors {
      let work = try FusingRows(tensor)
      let blocks = work.blocks
      try Workers.run(count: blocks.count, threads: threads) { index in
        if isCancelled() { throw QuantizationProblem.cancelled }
        let bytes = try work.write(blocks[index], to: writer)
        progress(FolderProgress(done: done.add(bytes, ordering: .relaxed).newValue, total: total))
      }
      tensor.view.file.advise(.dontNeed)
    }
    try writer.finish(parameterCount: tensors.reduce(0) { $0 + $1.elementCount })
    try AtomicFile.write(try Files.read("\(folder)/config.json", limit: 16 << 20), to: "\(target)/config.json")
    let copied = try QuantizingFiles.copyOthers(from: folder, to: target)
    return MadeFolder(
      files: (writer.fileNames + [ShardIndex.fileName, "config.json"] + copied).sorted(),
      recipe: [
        "method": .string(Self.method), "adapters": JSONValue(adapters.count), "matrices": JSONValue(changedCount),
        "tool": .string("\(Program.name) \(Program.version)"),
      ])
  }
}
