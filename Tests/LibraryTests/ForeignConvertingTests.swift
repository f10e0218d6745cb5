// SPDX-License-Identifier: Apache-2.0
// Checkpoints in the formats of other quantizers, held against values computed from the formats' definitions
// (scripts/make-foreign-fixtures.py).

import Basics
import Checkpoints
import Library
import Models
import Quantization
import Support
import Tensors
import Testing

@Suite("Foreign quantization")
struct ForeignConvertingTests {
  /// A folder of Fixtures/formats, and which of its matrices keep their codes, with which groups and scales.
  struct Case: Sendable, CustomTestStringConvertible {
    var folder: String
    var kept: [String: (bits: Int, group: Int, scales: DType)]
    var widened: Set<String> = []
    var testDescription: String { folder }
  }

  static let cases = [
    Case(
      folder: "gptq",
      kept: [
        "m.symmetric": (4, 128, .f16), "m.asymmetric": (4, 128, .f32), "m.eight": (8, 128, .f16),
        "m.three": (3, 128, .f32), "m.two": (2, 128, .f32), "m.ragged": (4, 32, .f32), "m.row": (4, 32, .f32),
      ], widened: ["m.reordered"]),
    Case(folder: "gptq-v2", kept: ["m.a": (4, 32, .f32), "m.b": (8, 32, .f32)]),
    Case(folder: "gptq-mislabelled", kept: ["m.a": (4, 64, .f16)]),
    Case(folder: "awq", kept: ["m.a": (4, 128, .f32), "m.b": (4, 128, .f32)]),
    Case(
      folder: "compressed-tensors",
      kept: [
        "m.symmetric": (4, 128, .bf16), "m.asymmetric": (4, 128, .f32), "m.channel": (8, 128, .bf16),
        "m.bytes": (8, 32, .bf16),
      ], widened: ["m.reordered"]),
    Case(folder: "fp8-block", kept: [:], widened: ["m.a", "m.b"]),
    Case(folder: "fp8-rows", kept: [:], widened: ["m.rows", "m.whole"]),
  ]

  private func converted(_ folder: String) throws -> (target: TemporaryFolder, outcome: MadeFolder) {
    let target = try TemporaryFolder()
    let work = try #require(try ForeignConverting(folder: folder))
    return (target, try work.write(to: target.path, threads: 3))
  }

  @Test("codes are kept exactly where MLX has the format, and values widened where it has not", arguments: cases)
  func values(_ item: Case) throws {
    let folder = Fixtures.url("formats/\(item.folder)")
    let (target, _) = try converted(folder)
    let (ours, expected) = (
      try openCheckpoint(folder: target.path), try SafetensorsFile("\(folder)/expected.safetensors")
    )
    #expect(Set(expected.names.map { String($0.dropLast(7)) }) == Set(item.kept.keys).union(item.widened))
    for name in expected.names {
      let (path, values) = (String(name.dropLast(7)), try expected.require(name).floats())
      let weight = try ours.require(name)
      if let kept = item.kept[path] {
        let (scales, biases) = (try ours.require("\(path).scales"), try ours.require("\(path).biases"))
        let inputs = try expected.require(name).shape.rowLength
        #expect(scales.dtype == kept.scales && biases.dtype == kept.scales, "\(path): \(scales.dtype)")
        #expect(weight.shape.rowLength == inputs * kept.bits / 32 && scales.shape.rowLength == inputs / kept.group)
        #expect(decode(weight, scales, biases, kept.bits, kept.group, inputs) == values, "\(path)")
      } else {
        // One rounding to the model's type.
        let rounded = values.map {
          weight.dtype == .f16 ? HalfFloats.float(f16: HalfFloats.f16($0)) : HalfFloats.float(bf16: HalfFloats.bf16($0))
        }
        #expect(try weight.floats() == rounded, "\(path)")
        #expect(!ours.has("\(path).scales"))
      }
    }
    #expect(try ours.require("norm.weight").floats() == Array(repeating: 1, count: 8))
  }

  private func decode(
    _ weight: TensorView, _ scales: TensorView, _ biases: TensorView, _ bits: Int, _ group: Int, _ inputs: Int
  ) -> [Float] {
    var result = [Float](repeating: 0, count: weight.shape.rowCount * inputs)
    guard let format = try? Affine(bits: bits, groupSize: group) else { return [] }
    result.withUnsafeMutableBufferPointer { target in
      weight.withUnsafeBytes { codes in
        scales.withUnsafeBytes { scale in
          biases.withUnsafeBytes { bias in
            format.dequantize(
              codes: codes, scales: scale, biases: bias, dtype: scales.dtype, rows: weight.shape.rowCount,
              inputs: inputs, into: target)
          }
        }
      }
    }
    return result
  }

  @Test("config.json says MLX's format: the commonest as standard, the others by name")
  func configuration() throws {
    let (target, outcome) = try converted(Fixtures.url("formats/gptq"))
    let config = try JSONReader.parse(try Files.read("\(target.path)/config.json"))
    let quantization = try #require(config["quantization"])
    #expect(quantization["bits"]?.intValue == 4 && quantization["group_size"]?.intValue == 128)
    #expect(quantization["m.three"]?["bits"]?.intValue == 3)
    #expect(quantization["m.row"]?["group_size"]?.intValue == 32)
    #expect(quantization["m.reordered"] == nil && quantization["m.symmetric"] == nil)
    #expect(config["quantization_config"] == quantization)
    #expect(outcome.files == (try Files.list(target.path)))
    #expect(outcome.recipe["exact"]?.intValue == 7 && outcome.recipe["widened"]?.intValue == 1)
  }

  @Test("a model of which everything was widened is not quantized any more")
  func widened() throws {
    let (target, _) = try converted(Fixtures.url("formats/fp8-block"))
    let config = try JSONReader.parse(try Files.read("\(target.path)/config.json"))
    #expect(config["quantization"] == nil && config["quantization_config"] == nil)
  }

  @Test("models that need no conversion are left alone", arguments: ["models/llama", "models/llama-mlx-q4-g64"])
  func others(_ folder: String) throws {
    #expect(try ForeignConverting(folder: Fixtures.url(folder)) == nil)
  }

  @Test("opened as it is, a foreign model says what to do")
  func direct() throws {
    let folder = try TemporaryFolder()
    var config = try JSONReader.parse(try Fixtures.bytes("models/llama/config.json")).objectValue ?? JSONObject()
    config["quantization_config"] = ["quant_method": "gptq", "bits": 4]
    try folder.write(JSONWriter.bytes(.object(config)), to: "config.json")
    try folder.write(try Fixtures.bytes("models/llama/model.safetensors"), to: "model.safetensors")
    #expect(throws: ModelProblem.foreignQuantization(method: "gptq")) { try Snapshot.open(folder.path) }
  }

  /// A config's settings, the tensors of a module and what is wrong with them.
  struct Hostile: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var settings: JSONObject = ["quant_method": "gptq", "bits": 4, "group_size": 32]
    var tensors: [(name: String, dtype: String, shape: [Int])]
    var code: String
  }

  static let hostile = [
    Hostile(
      testDescription: "no zero points",
      tensors: [("m.qweight", "I32", [4, 32]), ("m.scales", "F16", [1, 32])], code: "model.missing-tensor"),
    Hostile(
      testDescription: "no scales", tensors: [("m.qweight", "I32", [4, 32])], code: "model.missing-tensor"),
    Hostile(
      testDescription: "zero points of another shape",
      tensors: [("m.qweight", "I32", [4, 32]), ("m.scales", "F16", [1, 32]), ("m.qzeros", "I32", [2, 4])],
      code: "model.wrong-shape"),
    Hostile(
      testDescription: "codes of one axis",
      tensors: [("m.qweight", "I32", [128]), ("m.scales", "F16", [1, 32]), ("m.qzeros", "I32", [1, 4])],
      code: "model.wrong-shape"),
    Hostile(
      testDescription: "more groups than inputs",
      tensors: [("m.qweight", "I32", [4, 32]), ("m.scales", "F16", [64, 32]), ("m.qzeros", "I32", [64, 4])],
      code: "model.invalid-tensor"),
    Hostile(
      testDescription: "nothing at all",
      tensors: [("m.qweight", "I32", [0, 0]), ("m.scales", "F16", [0, 0]), ("m.qzeros", "I32", [0, 0])],
      code: "model.wrong-shape"),
    Hostile(
      testDescription: "scales that are integers",
      tensors: [("m.qweight", "I32", [4, 32]), ("m.scales", "I16", [1, 32]), ("m.qzeros", "I32", [1, 4])],
      code: "model.wrong-type"),
    Hostile(
      testDescription: "AWQ of an odd width", settings: ["quant_method": "awq", "bits": 4, "group_size": 32],
      tensors: [("m.qweight", "I32", [32, 4]), ("m.scales", "F16", [1, 31]), ("m.qzeros", "I32", [1, 4])],
      code: "model.wrong-shape"),
    Hostile(
      testDescription: "a marlin checkpoint", settings: ["quant_method": "gptq", "checkpoint_format": "marlin"],
      tensors: [("m.qweight", "I32", [4, 32])], code: "model.unsupported-feature"),
    Hostile(
      testDescription: "an AWQ checkpoint of another kernel", settings: ["quant_method": "awq", "version": "gemv"],
      tensors: [("m.qweight", "I32", [4, 32])], code: "model.unsupported-feature"),
    Hostile(
      testDescription: "bits no code has", settings: ["quant_method": "gptq", "bits": 99],
      tensors: [("m.qweight", "I32", [4, 32])], code: "model.invalid-config"),
    Hostile(
      testDescription: "4-bit floats",
      settings: ["quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"],
      tensors: [("m.weight_packed", "U8", [4, 32])], code: "model.unsupported-feature"),
    Hostile(
      testDescription: "a shape that is zero", settings: ["quant_method": "compressed-tensors"],
      tensors: [
        ("m.weight_packed", "I32", [4, 32]), ("m.weight_shape", "I64", [2]), ("m.weight_scale", "BF16", [4, 1]),
      ],
      code: "model.invalid-tensor"),
    Hostile(
      testDescription: "blocks that do not cover the matrix", settings: ["quant_method": "fp8"],
      tensors: [("m.weight", "F8_E4M3", [256, 128]), ("m.weight_scale_inv", "F32", [3, 1])], code: "model.wrong-shape"),
    Hostile(
      testDescription: "bytes without scales", settings: ["quant_method": "compressed-tensors"],
      tensors: [("m.weight", "I8", [4, 32])], code: "model.missing-tensor"),
  ]

  @Test("what does not fit is refused by name", arguments: hostile)
  func refusals(_ item: Hostile) throws {
    let folder = try TemporaryFolder()
    let config: JSONObject = ["model_type": "llama", "quantization_config": .object(item.settings)]
    try folder.write(JSONWriter.bytes(.object(config)), to: "config.json")
    let declarations = try item.tensors.map {
      SafetensorsWriter.Declaration($0.name, try #require(DType(rawValue: $0.dtype)), try Shape($0.shape))
    }
    let writer = try SafetensorsWriter("\(folder.path)/model.safetensors", declarations)
    for tensor in declarations {
      let zeros = [UInt8](repeating: 0, count: tensor.dtype.byteCount(elements: tensor.shape.elementCount) ?? 0)
      try writer.write(zeros.span, to: writer.place(of: tensor.name))
    }
    try writer.finish()
    #expect { try ForeignConverting(folder: folder.path) } throws: { ($0 as? any Problem)?.code == item.code }
  }
}
