// SPDX-License-Identifier: Apache-2.0

import Basics
import Checkpoints
import Support
import Tensors
import Testing

@Suite("GGUF")
struct GGUFTests {
  static let types = GGUFType.allCases.map(\.name)

  @Test("every type is dequantized to the reference's float32, bit for bit", arguments: types)
  func dequantization(_ name: String) throws {
    let file = try GGUFFile(Fixtures.url("checkpoints/gguf-types.gguf"))
    let expected = try SafetensorsFile(Fixtures.url("checkpoints/gguf-types.safetensors")).require(name)
    let tensor = try #require(file.tensor(name))
    #expect(tensor.type.name == name && tensor.shape == expected.shape)
    #expect(tensor.rowByteCount * tensor.shape.rowCount == tensor.byteCount)
    let values = [Float](capacity: tensor.shape.elementCount) { output in
      output.append(repeating: 0, count: tensor.shape.elementCount)
      var span = output.mutableSpan
      tensor.type.dequantize(tensor.bytes, into: &span)
    }
    let wanted = try expected.floats()
    let wrong = zip(values, wanted).enumerated().filter {
      $1.0.bitPattern != $1.1.bitPattern && !($1.0 == 0 && $1.1 == 0)
    }
    #expect(wrong.isEmpty, "\(wrong.count) differ, first \(wrong.first.map { "\($0)" } ?? "")")
  }

  @Test("metadata of every kind are read")
  func metadata() throws {
    let file = try GGUFFile(Fixtures.url("checkpoints/gguf-types.gguf"))
    #expect(file.version == 3)
    #expect(file["general.name"]?.stringValue == "every type")
    #expect(file["test.strings"]?.arrayValue?.strings == ["a", "", "é"])
    #expect(file["test.numbers"]?.arrayValue?.integers == [1, -2, 3])
    #expect(file["test.floats"]?.arrayValue?.floats == [0.5, 1e-5])
    #expect(file["test.strings"]?.arrayValue?.integers == nil)
    #expect(file["test.numbers"]?.arrayValue?.strings == nil)
    #expect(file["test.epsilon"]?.doubleValue == 1e-5, "the shortest text of the float32, not its exact value")
    #expect(file["test.large"]?.intValue == nil)
    #expect(file["test.flag"]?.boolValue == true)
    #expect(file["none"] == nil)
  }

  @Test("a file of our own, with another alignment, is read as it is")
  func alignment() throws {
    let folder = try TemporaryFolder()
    var builder = GGUFBuilder()
    builder.alignment = 8
    builder.metadata = [("general.alignment", .u32(8))]
    builder.tensors = [
      GGUFBuilder.Tensor("a", [3], type: 24, data: [1, 2, 0xFF]),
      GGUFBuilder.Tensor("b", [2, 1, 3], type: 25, data: Array(repeating: 1, count: 12)),
    ]
    let file = try GGUFFile(try folder.write(builder.bytes(), to: "x.gguf"))
    #expect(file.tensors.map(\.name) == ["a", "b"])
    #expect(file.tensor("b")?.shape.dimensions == [3, 1, 2])
    #expect(file.tensor("b").map { $0.offset % 8 } == 0)
    builder.version = 2
    #expect(try GGUFFile(try folder.write(builder.bytes(), to: "y.gguf")).version == 2)
  }
}
