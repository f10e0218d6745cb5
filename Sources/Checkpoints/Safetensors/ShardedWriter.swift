// SPDX-License-Identifier: Apache-2.0
// Writes a model's weights as mlx-lm and transformers do: one file, or several of limited size, and an index.

internal import Basics
internal import Tensors

/// The weights of a folder being written.
public final class ShardedWriter: Sendable {
  /// Largest shard mlx-lm writes, in bytes of tensor data; a larger tensor has a shard of its own.
  public static let shardLimit = 5 << 30

  /// Where a tensor goes.
  public struct Place: Sendable {
    fileprivate let writer: SafetensorsWriter
    fileprivate let place: SafetensorsWriter.Place

    /// Writes a part of the tensor; may be called from any thread. Every byte is to be written exactly once.
    public func write(_ bytes: Span<UInt8>, at offset: Int) throws(CheckpointProblem) {
      try writer.write(bytes, to: place, at: offset)
    }
  }

  /// Names of the shards, in order.
  public let fileNames: [String]
  /// Bytes of all tensors.
  public let dataByteCount: Int
  private let folder: String
  private let writers: [SafetensorsWriter]
  private let shardOfTensor: [String: Int]

  /// Lays the tensors out in shards, in the order given, and creates the files.
  /// - Parameters:
  ///   - folder: existing folder without these files.
  ///   - limit: bytes of data in a shard.
  /// - Throws: `CheckpointProblem`.
  public convenience init(
    folder: String, _ tensors: [SafetensorsWriter.Declaration], metadata: [(String, String)],
    limit: Int = ShardedWriter.shardLimit
  ) throws(CheckpointProblem) {
    try self.init(folder, tensors, limit) { path, shard throws(CheckpointProblem) in
      try SafetensorsWriter(path, shard, metadata: metadata)
    }
  }

  /// Opens the files that an earlier writer of the same tensors has left unfinished.
  /// - Throws: `CheckpointProblem` when one is missing or another one.
  public convenience init(
    goingOnIn folder: String, _ tensors: [SafetensorsWriter.Declaration], metadata: [(String, String)],
    limit: Int = ShardedWriter.shardLimit
  ) throws(CheckpointProblem) {
    try self.init(folder, tensors, limit) { path, shard throws(CheckpointProblem) in
      try SafetensorsWriter(goingOnAt: path, shard, metadata: metadata)
    }
  }

  private init(
    _ folder: String, _ tensors: [SafetensorsWriter.Declaration], _ limit: Int,
    _ open: (String, [SafetensorsWriter.Declaration]) throws(CheckpointProblem) -> SafetensorsWriter
  ) throws(CheckpointProblem) {
    var shards: [[SafetensorsWriter.Declaration]] = []
    var (size, total) = (0, 0)
    for tensor in tensors {
      guard let count = tensor.dtype.byteCount(elements: tensor.shape.elementCount) else {
        throw .tensor(file: folder, name: printable(tensor.name), reason: "\(tensor.shape) is too large")
      }
      if shards.isEmpty || size + count > limit {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1].append(tensor)
      size += count
      total += count
    }
    var names: [String] = []
    var writers: [SafetensorsWriter] = []
    var places: [String: Int] = [:]
    for (index, shard) in shards.enumerated() {
      let name =
        shards.count == 1
        ? "model.safetensors" : "model-\(Self.fiveDigits(index + 1))-of-\(Self.fiveDigits(shards.count)).safetensors"
      names.append(name)
      writers.append(try open("\(folder)/\(name)", shard))
      for tensor in shard { places[tensor.name] = index }
    }
    self.folder = folder
    self.fileNames = names
    self.writers = writers
    self.shardOfTensor = places
    self.dataByteCount = total
  }

  /// Where the data of a declared tensor go.
  public func place(of name: String) -> Place {
    guard let shard = shardOfTensor[name] else { preconditionFailure("\(name) was not declared") }
    return Place(writer: writers[shard], place: writers[shard].place(of: name))
  }

  /// Forces what was written so far to the disk.
  public func synchronize() throws(CheckpointProblem) {
    for writer in writers { try writer.synchronize() }
  }

  /// Flushes the shards and writes the index.
  /// - Parameter parameterCount: elements before quantization, noted in the index.
  public func finish(parameterCount: Int) throws(CheckpointProblem) {
    for writer in writers { try writer.finish() }
    let index = ShardIndex(
      metadata: ["total_size": JSONValue(dataByteCount), "total_parameters": JSONValue(parameterCount)],
      weightMap: shardOfTensor.mapValues { fileNames[$0] })
    try asCheckpoint { () throws(FileProblem) in
      try AtomicFile.write(Array(index.text.utf8), to: "\(folder)/\(ShardIndex.fileName)")
    }
  }

  private static func fiveDigits(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.count)) + text
  }
}
