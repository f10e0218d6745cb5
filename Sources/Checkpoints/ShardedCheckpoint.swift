// SPDX-License-Identifier: Apache-2.0
// Several safetensors files seen as one, and the choice of files in a model's folder.

public import Basics
public import Tensors

/// A checkpoint in one or more safetensors files.
public struct ShardedCheckpoint: Checkpoint {
  public let names: [String]
  public let files: [String]
  public let metadata: [String: String]
  /// What is odd without being wrong: tensors that the index does not list.
  public let findings: [Finding]
  private let shards: [SafetensorsFile]
  /// Position in `shards` of each tensor's file.
  private let places: [String: Int]

  /// Opens the shards that an index lists, and holds it against them.
  /// - Throws: `CheckpointProblem` when a shard is missing or damaged, when a tensor is not where the
  ///   index says, or when two shards hold it.
  public init(index: ShardIndex, folder: String, indexPath: String) throws(CheckpointProblem) {
    var shards: [SafetensorsFile] = []
    for name in index.shards { shards.append(try SafetensorsFile("\(folder)/\(name)")) }
    try self.init(shards, folder: folder, listed: index.weightMap)
    for (name, shard) in index.weightMap {
      guard let place = places[name] else {
        throw .index(file: indexPath, reason: "\"\(printable(name))\" is not in \(shard)")
      }
      let actual = Files.name(of: shards[place].path)
      guard actual == shard else {
        throw .index(file: indexPath, reason: "\"\(printable(name))\" is in \(actual), not in \(shard)")
      }
    }
  }

  /// Joins files without an index.
  /// - Throws: `CheckpointProblem.index` when two of them hold a tensor of the same name.
  public init(_ shards: [SafetensorsFile], folder: String) throws(CheckpointProblem) {
    try self.init(shards, folder: folder, listed: nil)
  }

  private init(_ shards: [SafetensorsFile], folder: String, listed: [String: String]?) throws(CheckpointProblem) {
    var places: [String: Int] = [:]
    var findings: [Finding] = []
    for (place, shard) in shards.enumerated() {
      let file = Files.name(of: shard.path)
      for name in shard.names {
        if let other = places.updateValue(place, forKey: name) {
          throw .index(
            file: folder,
            reason: "\"\(printable(name))\" is both in \(Files.name(of: shards[other].path)) and in \(file)")
        }
        if let listed, listed[name] == nil {
          findings.append(
            Finding(
              .warning, code: "checkpoint.unlisted-tensor", place: file,
              message: "the index does not list \"\(printable(name))\""))
        }
      }
    }
    self.shards = shards
    self.places = places
    self.findings = findings
    names = places.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    files = shards.map(\.path)
    metadata = shards.first?.metadata ?? [:]
  }

  /// The tensor of that name in whichever shard holds it; nil when there is none.
  public func tensor(_ name: String) -> TensorView? { places[name].flatMap { shards[$0].tensor(name) } }
}

/// Opens the weights of a model's folder: the shards of its index, else `model.safetensors`, else all
/// `model*.safetensors`, else the only safetensors file there is.
/// - Throws: `CheckpointProblem`.
public func openCheckpoint(folder: String) throws(CheckpointProblem) -> any Checkpoint {
  let indexPath = "\(folder)/\(ShardIndex.fileName)"
  if Files.isFile(indexPath) {
    return try ShardedCheckpoint(index: try ShardIndex(path: indexPath), folder: folder, indexPath: indexPath)
  }
  if Files.isFile("\(folder)/model.safetensors") { return try SafetensorsFile("\(folder)/model.safetensors") }
  let all = try asCheckpoint { () throws(FileProblem) in try Files.list(folder) }
    .filter { $0.hasSuffix(".safetensors") && Files.isFile("\(folder)/\($0)") }
  let shards = all.filter { $0.hasPrefix("model") }
  let chosen = shards.isEmpty ? all : shards
  guard !chosen.isEmpty, shards.isEmpty == false || all.count == 1 else { throw .noWeights(folder: folder) }
  var opened: [SafetensorsFile] = []
  for name in chosen { opened.append(try SafetensorsFile("\(folder)/\(name)")) }
  return opened.count == 1 ? opened[0] : try ShardedCheckpoint(opened, folder: folder)
}
