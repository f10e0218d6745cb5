// SPDX-License-Identifier: Apache-2.0

import Basics
import Checkpoints
import Support
import Tensors
import Testing

@Suite("ShardIndex")
struct ShardIndexTests {
  private static func model(_ folder: TemporaryFolder, _ index: String) throws -> String {
    try folder.write(SafetensorsBuilder.floats([("a", [1], [1])]), to: "model-00001-of-00002.safetensors")
    try folder.write(
      SafetensorsBuilder.floats([("b", [1], [2]), ("c", [1], [3])]), to: "model-00002-of-00002.safetensors")
    try folder.write(index, to: ShardIndex.fileName)
    return folder.path
  }

  private static func map(_ entries: String) -> String { #"{"metadata":{"total_size":12},"weight_map":{\#(entries)}}"# }
  private static let a = #""a":"model-00001-of-00002.safetensors""#
  private static let b = #""b":"model-00002-of-00002.safetensors""#
  private static let c = #""c":"model-00002-of-00002.safetensors""#

  @Test("tensors are found in the shard the index names")
  func reading() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try openCheckpoint(folder: try Self.model(folder, Self.map("\(Self.a),\(Self.b),\(Self.c)")))
    #expect(checkpoint.names == ["a", "b", "c"])
    #expect(try checkpoint.require("c").floats() == [3])
    #expect((checkpoint as? ShardedCheckpoint)?.findings.isEmpty == true)
  }

  @Test("a tensor the index does not list is read, and reported")
  func unlisted() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try openCheckpoint(folder: try Self.model(folder, Self.map("\(Self.a),\(Self.b)")))
    #expect(checkpoint.names == ["a", "b", "c"])
    #expect((checkpoint as? ShardedCheckpoint)?.findings.map(\.code) == ["checkpoint.unlisted-tensor"])
  }

  static let hostile: [(String, String)] = [
    ("not JSON", "weight_map"), ("a list", "[]"), ("no map", "{}"), ("map is a list", #"{"weight_map":[]}"#),
    ("a name twice", map("\(a),\(a)")), ("shard is a number", map(#""a":1"#)),
    ("up and away", map(#""a":"../model.safetensors""#)), ("absolute", map(#""a":"/etc/x.safetensors""#)),
    ("below", map(#""a":"sub/model.safetensors""#)), ("backslash", map(#""a":"..\\model.safetensors""#)),
    ("hidden", map(#""a":".model.safetensors""#)), ("a NUL", map(#""a":"model\u0000.safetensors""#)),
    ("other suffix", map(#""a":"model.bin""#)), ("empty", map(#""a":"""#)),
    ("too long", map(#""a":"\#(String(repeating: "x", count: 300)).safetensors""#)),
    ("missing shard", map(#""a":"model-00003-of-00002.safetensors""#)),
    ("missing tensor", map("\(a),\(b),\(c)," + #""d":"model-00001-of-00002.safetensors""#)),
    ("wrong shard", map(#""a":"model-00002-of-00002.safetensors","b":"model-00001-of-00002.safetensors""#)),
    ("deep", String(repeating: #"{"weight_map":"#, count: 50_000)),
  ]

  @Test("an index that lies is refused", arguments: hostile)
  func refused(name: String, index: String) throws {
    let folder = try TemporaryFolder()
    #expect(throws: CheckpointProblem.self) { try openCheckpoint(folder: try Self.model(folder, index)) }
  }

  @Test("the same tensor in two shards is refused, with and without an index")
  func duplicates() throws {
    let folder = try TemporaryFolder()
    for name in ["model-1.safetensors", "model-2.safetensors"] {
      try folder.write(SafetensorsBuilder.floats([("a", [1], [1])]), to: name)
    }
    #expect(throws: CheckpointProblem.self) { try openCheckpoint(folder: folder.path) }
    try folder.write(Self.map(#""a":"model-1.safetensors","x":"model-2.safetensors""#), to: ShardIndex.fileName)
    #expect(throws: CheckpointProblem.self) { try openCheckpoint(folder: folder.path) }
  }

  @Test("a folder without weights, or with files that do not belong together, is refused")
  func noWeights() throws {
    let folder = try TemporaryFolder()
    #expect(throws: CheckpointProblem.noWeights(folder: folder.path)) { try openCheckpoint(folder: folder.path) }
    try folder.write(SafetensorsBuilder.floats([("a", [1], [1])]), to: "adapter.safetensors")
    #expect(try openCheckpoint(folder: folder.path).names == ["a"])
    try folder.write(SafetensorsBuilder.floats([("b", [1], [1])]), to: "other.safetensors")
    #expect(throws: CheckpointProblem.noWeights(folder: folder.path)) { try openCheckpoint(folder: folder.path) }
    try folder.write(SafetensorsBuilder.floats([("c", [1], [1])]), to: "model.safetensors")
    #expect(try openCheckpoint(folder: folder.path).names == ["c"])
  }
}
