// SPDX-License-Identifier: Apache-2.0
// From a GGUF file to a Hugging Face folder: config, tokenizer and weights as safetensors. Quantized
// weights are widened to the wanted type; nothing but that rounding is lost.

public import Basics
internal import Checkpoints
public import Models
internal import Quantization
internal import Synchronization
public import Tensors

/// The use case of `impetus import FILE.gguf`, without a terminal and without a store.
public struct GGUFConverting: Sendable {
  /// The file as a model.
  public let model: GGUFModel
  /// Type of the weights that are written: bf16, f16 or f32.
  public let dtype: DType
  /// Content of config.json.
  public let config: JSONObject
  private let sources: [GGUFTensorSource]

  /// Opens the file and checks that all of it is understood, before anything is written.
  /// - Throws: `CheckpointProblem`, `ModelProblem`.
  public init(path: String, dtype: DType = .bf16) throws {
    precondition(dtype.torchName != nil, "weights are written as bf16, f16 or f32")
    model = try GGUFModel(try GGUFFile(path))
    self.dtype = dtype
    let head = try model.head()
    config = try model.config(head, dtype: dtype.torchName ?? "bfloat16").sortedByKey
    sources = try model.tensorSources(head)
    _ = try Architecture(config: .object(config))
  }

  /// Bytes that the weights of the result take.
  public var weightByteCount: Int {
    sources.reduce(0) { $0 + $1.source.shape.elementCount * dtype.bitCount / 8 }
  }

  /// Writes the folder. Blocks its thread until done; not to be called on the cooperative pool.
  /// - Parameters:
  ///   - target: an existing, empty folder.
  ///   - threads: threads that compute, the caller's among them.
  ///   - progress: called from any of them, in bytes of the file.
  ///   - isCancelled: asked for each block.
  /// - Throws: `QuantizationProblem.cancelled`, `.notFinite`; `ModelProblem`, `CheckpointProblem`,
  ///   `FileProblem`. What was written until then stays in the folder.
  public func write(
    to target: String, threads: Int, progress: @escaping @Sendable (FolderProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> MadeFolder {
    let indented = JSONWriter.Options(indent: 2)
    let documents = [
      ("config.json", JSONWriter.bytes(.object(config), options: indented)),
      ("generation_config.json", JSONWriter.bytes(.object(model.generationConfig), options: indented)),
      ("tokenizer.json", try model.tokenizer()),
      ("tokenizer_config.json", JSONWriter.bytes(.object(try model.tokenizerConfig()), options: indented)),
    ]
    let writer = try ShardedWriter(
      folder: target,
      sources.map { SafetensorsWriter.Declaration($0.name, dtype, $0.source.shape) }, metadata: [("format", "pt")])
    let total = sources.reduce(0) { $0 + $1.source.byteCount }
    let done = Atomic<Int>(0)
    for source in sources {
      let blocks = GGUFBlock.blocks(of: source)
      let place = writer.place(of: source.name)
      let dtype = dtype
      try Workers.run(count: blocks.count, threads: threads) { index in
        if isCancelled() { throw QuantizationProblem.cancelled }
        let rows = try blocks[index].converted(to: dtype)
        try place.write(rows.span, at: blocks[index].offset(in: dtype))
        let now = done.add(blocks[index].sourceByteCount, ordering: .relaxed).newValue
        progress(FolderProgress(done: now, total: total))
      }
      source.source.releasePages()
    }
    let elements = sources.reduce(0) { $0 + $1.source.shape.elementCount }
    try writer.finish(parameterCount: elements)
    for (name, text) in documents { try AtomicFile.write(text, to: "\(target)/\(name)") }
    return MadeFolder(
      files: (writer.fileNames + [ShardIndex.fileName] + documents.map(\.0)).sorted(), recipe: recipeNote)
  }

  /// What a recipe calls it.
  static let method = "converted from GGUF"

  /// The recipe as a derived model's provenance holds it.
  private var recipeNote: JSONObject {
    let types = Set(sources.map(\.source.type.name)).sorted()
    return [
      "method": .string(Self.method), "dtype": .string(dtype.rawValue), "types": .array(types.map { .string($0) }),
      "tool": .string("\(Program.name) \(Program.version)"),
    ]
  }
}
