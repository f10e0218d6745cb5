// SPDX-License-Identifier: Apache-2.0
// model.safetensors.index.json: which shard holds which tensor.

public import Basics

/// The index of a checkpoint in several files. File names are plain names in the same folder:
/// anything that could lead elsewhere is refused.
public struct ShardIndex: Sendable, Equatable {
  /// The file's usual name.
  public static let fileName = "model.safetensors.index.json"
  /// Largest index that is read: a few hundred thousand tensors.
  public static let byteLimit = 64 << 20

  /// `metadata` of the index (`total_size`, `total_parameters`).
  public var metadata: JSONObject
  /// Shard file of each tensor.
  public var weightMap: [String: String]

  public init(metadata: JSONObject, weightMap: [String: String]) {
    self.metadata = metadata
    self.weightMap = weightMap
  }

  /// Names of the shards, sorted.
  public var shards: [String] { Set(weightMap.values).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

  /// Reads an index file.
  /// - Throws: `CheckpointProblem.index` when it is no index or names a file outside its folder.
  public init(path: String) throws(CheckpointProblem) {
    let bytes = try asCheckpoint { () throws(FileProblem) in try Files.read(path, limit: Self.byteLimit) }
    try self.init(bytes, path: path)
  }

  /// Reads an index from its bytes; `path` is for messages.
  public init(_ bytes: [UInt8], path: String) throws(CheckpointProblem) {
    let document: JSONValue
    do throws(JSONProblem) {
      document = try JSONReader.parse(bytes, limits: JSONLimits(depth: 8, byteCount: Self.byteLimit))
    } catch {
      throw .index(file: path, reason: error.description)
    }
    guard let map = document["weight_map"]?.objectValue else {
      throw .index(file: path, reason: "it has no object \"weight_map\"")
    }
    var weightMap = Dictionary<String, String>(minimumCapacity: map.count)
    for (name, value) in map {
      guard let shard = value.stringValue, Self.isPlainName(shard) else {
        throw .index(
          file: path,
          reason:
            "\"\(printable(name))\" is in \"\(printable(value.stringValue ?? value.kindName))\", no plain file name")
      }
      weightMap[name] = shard
    }
    self.weightMap = weightMap
    self.metadata = document["metadata"]?.objectValue ?? JSONObject()
  }

  /// Whether a name is a safetensors file in the same folder and nothing else.
  public static func isPlainName(_ name: String) -> Bool {
    guard name.hasSuffix(".safetensors"), !name.hasPrefix("."), name.utf8.count <= 255 else { return false }
    return name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") }
  }

  /// The index as mlx-lm writes it: sorted map, four blanks a level.
  public var text: String {
    let map = weightMap.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    let document: JSONValue = .object([
      "metadata": .object(metadata),
      "weight_map": .object(JSONObject(map.map { ($0.key, .string($0.value)) })),
    ])
    return JSONWriter.string(document, options: JSONWriter.Options(indent: 4, asciiOnly: true))
  }
}
