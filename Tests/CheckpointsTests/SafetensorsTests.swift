// SPDX-License-Identifier: Apache-2.0

import Basics
import Checkpoints
import Support
import Tensors
import Testing

@Suite("Safetensors")
struct SafetensorsTests {
  @Test("a file with every kind of tensor is read as it is")
  func reading() throws {
    let folder = try TemporaryFolder()
    let header = #"""
      {"__metadata__":{"format":"pt","note":"é"},"b":{"dtype":"BF16","shape":[3],"data_offsets":[1,7],"extra":[{}]},
      "a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"empty":{"dtype":"F64","shape":[4,0],"data_offsets":[7,7]},
      "four":{"dtype":"F4","shape":[2,2],"data_offsets":[7,9]}}
      """#
    let data: [UInt8] = [9, 0x80, 0x3F, 0x00, 0xC0, 0x80, 0x7F, 1, 2]
    let file = try SafetensorsFile(
      try folder.write(SafetensorsBuilder.file(header + "   ", data: data), to: "x.safetensors"))
    #expect(file.names == ["a", "b", "empty", "four"])
    #expect(file.metadata == ["format": "pt", "note": "é"])
    let b = try file.require("b")
    #expect(b.dtype == .bf16 && b.shape.dimensions == [3])
    #expect(try b.floats() == [1, -2, .infinity])
    #expect(try file.require("a").floats() == [9])
    #expect(try file.require("empty").byteCount == 0 && file.require("four").byteCount == 2)
    #expect(throws: CheckpointProblem.self) { try file.require("c") }
    #expect(throws: TensorProblem.notNumbers(.f4)) { try file.require("four").floats() }
  }

  @Test("the smallest file there is holds nothing")
  func empty() throws {
    let folder = try TemporaryFolder()
    let file = try SafetensorsFile(try folder.write(SafetensorsBuilder.file("{}"), to: "x.safetensors"))
    #expect(file.names.isEmpty && file.metadata.isEmpty)
  }

  @Test("what is written is read back, aligned and the same each time")
  func writing() throws {
    let folder = try TemporaryFolder()
    let bytes: [String: [UInt8]] = [
      "z.words": [1, 0, 0, 0, 2, 0, 0, 0], "a.byte": [7], "m.half": [0, 0x3C, 0, 0x40, 0, 0x42],
    ]
    func write(_ name: String, order: [String]) throws -> [UInt8] {
      let declarations = [
        SafetensorsWriter.Declaration("a.byte", .u8, try Shape([1])),
        SafetensorsWriter.Declaration("z.words", .u32, try Shape([2])),
        SafetensorsWriter.Declaration("m.half", .f16, try Shape([1, 3])),
      ]
      let writer = try SafetensorsWriter("\(folder.path)/\(name)", declarations, metadata: [("format", "mlx")])
      for name in order {
        let content = bytes[name] ?? []
        let (front, back) = (Array(content.prefix(content.count / 2)), Array(content.dropFirst(content.count / 2)))
        try writer.write(back.span, to: writer.place(of: name), at: front.count)
        try writer.write(front.span, to: writer.place(of: name), at: 0)
      }
      try writer.finish()
      return try Files.read("\(folder.path)/\(name)")
    }
    let first = try write("1.safetensors", order: ["a.byte", "m.half", "z.words"])
    let second = try write("2.safetensors", order: ["z.words", "a.byte", "m.half"])
    #expect(first == second)
    let file = try SafetensorsFile("\(folder.path)/1.safetensors")
    #expect(file.metadata == ["format": "mlx"])
    for (name, content) in bytes {
      let view = try file.require(name)
      #expect(view.offset % view.dtype.alignment == 0)
      #expect(view.withUnsafeBytes { Array($0) } == content)
    }
    #expect(try file.require("m.half").floats() == [1, 2, 3])
    #expect(try file.require("z.words").offset % 64 == 0)
  }

  @Test("a file that exists is not overwritten, and no name is declared twice")
  func refusedDeclarations() throws {
    let folder = try TemporaryFolder()
    let one = SafetensorsWriter.Declaration("a", .u8, try Shape([1]))
    #expect(throws: CheckpointProblem.self) { try SafetensorsWriter("\(folder.path)/x", [one, one]) }
    _ = try SafetensorsWriter("\(folder.path)/y", [one])
    #expect(throws: CheckpointProblem.self) { try SafetensorsWriter("\(folder.path)/y", [one]) }
  }

  @Test("a large model is split greedily, with an index that leads back")
  func shards() throws {
    let folder = try TemporaryFolder()
    let sizes = [("a", 60), ("b", 50), ("c", 200), ("d", 40), ("e", 60)]
    let writer = try ShardedWriter(
      folder: folder.path, try sizes.map { SafetensorsWriter.Declaration($0.0, .u8, try Shape([$0.1])) },
      metadata: [], limit: 100)
    for (name, size) in sizes {
      let content = [UInt8](repeating: UInt8(size), count: size)
      try writer.place(of: name).write(content.span, at: 0)
    }
    try writer.finish(parameterCount: 410)
    #expect(writer.fileNames == (1...4).map { "model-0000\($0)-of-00004.safetensors" })
    let checkpoint = try openCheckpoint(folder: folder.path)
    #expect(checkpoint.names == ["a", "b", "c", "d", "e"])
    #expect(try checkpoint.require("c").shape.dimensions == [200])
    let index = try ShardIndex(path: "\(folder.path)/\(ShardIndex.fileName)")
    #expect(index.weightMap["d"] == "model-00004-of-00004.safetensors")
    #expect(index.metadata["total_size"] == 410 && index.metadata["total_parameters"] == 410)
  }
}
