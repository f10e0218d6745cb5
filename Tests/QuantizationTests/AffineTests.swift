// SPDX-License-Identifier: Apache-2.0

import Basics
import Checkpoints
import Quantization
import Support
import Tensors
import Testing

@Suite("Affine")
struct AffineTests {
  /// Names of the stored inputs.
  static let cases = ["ordinary", "edges", "halves"].flatMap { name in
    ["float32", "float16", "bfloat16"].map { "\(name)-\($0)" }
  }

  /// Codes, scales and biases of a tensor.
  private func quantize(_ view: TensorView, _ format: Affine) -> (faults: Int, parts: [[UInt8]]) {
    let (rows, inputs, size) = (view.shape.rowCount, view.shape.rowLength, view.dtype.bitCount / 8)
    var codes = [UInt8](repeating: 0xAA, count: rows * format.codeByteCount(inputs: inputs))
    var scales = [UInt8](repeating: 0xAA, count: rows * format.groups(inputs: inputs) * size)
    var biases = scales
    let faults = view.withUnsafeBytes { source in
      codes.withUnsafeMutableBytes { codes in
        scales.withUnsafeMutableBytes { scales in
          biases.withUnsafeMutableBytes { biases in
            format.quantize(
              source, dtype: view.dtype, rows: rows, inputs: inputs, codes: codes, scales: scales, biases: biases)
          }
        }
      }
    }
    return (faults, [codes, scales, biases])
  }

  @Test("codes, scales and biases are mlx's, bit for bit", arguments: cases)
  func vectors(_ name: String) throws {
    let file = try SafetensorsFile(Fixtures.url("quantization/affine.safetensors"))
    let input = try file.require("\(name).input")
    for bits in Affine.allBits {
      for group in Affine.allGroupSizes {
        let result = quantize(input, try Affine(bits: bits, groupSize: group))
        #expect(result.faults == 0)
        for (part, bytes) in zip(["weight", "scales", "biases"], result.parts) {
          let expected = try file.require("\(name).\(bits).\(group).\(part)")
          #expect(expected.withUnsafeBytes { Array($0) } == bytes, "\(bits) bits, groups of \(group): \(part)")
        }
      }
    }
  }

  @Test("decoding gives scale times code plus bias, for every width of codes", arguments: Affine.allBits)
  func decoding(bits: Int) throws {
    let file = try SafetensorsFile(Fixtures.url("quantization/affine.safetensors"))
    let input = try file.require("ordinary-float32.input")
    let (rows, inputs) = (input.shape.rowCount, input.shape.rowLength)
    let format = try Affine(bits: bits, groupSize: 32)
    let parts = quantize(input, format).parts
    var decoded = [Float](repeating: 0, count: rows * inputs)
    parts[0].withUnsafeBytes { codes in
      parts[1].withUnsafeBytes { scales in
        parts[2].withUnsafeBytes { biases in
          decoded.withUnsafeMutableBufferPointer {
            format.dequantize(
              codes: codes, scales: scales, biases: biases, dtype: .f32, rows: rows, inputs: inputs, into: $0)
          }
        }
      }
    }
    let scales = parts[1].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    for (index, (value, back)) in zip(try input.floats(), decoded).enumerated() {
      // The scale is moved so that zero has a code, which can cost more than half a step at the far end.
      let step = abs(scales[index / 32])
      if abs(value - back) > step * 1.01 { Issue.record("\(value) became \(back), the step is \(step)") }
    }
  }

  @Test("values that are not finite are counted", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(_ value: Float) throws {
    let folder = try TemporaryFolder()
    var values = [Float](repeating: 0.5, count: 64)
    values[40] = value
    let path = try folder.write(SafetensorsBuilder.floats([("t", [1, 64], values)]), to: "x.safetensors")
    let view = try SafetensorsFile(path).require("t")
    #expect(quantize(view, try Affine(bits: 4, groupSize: 32)).faults == 1)
  }

  @Test(
    "formats that do not exist are refused",
    arguments: [(1, 64), (7, 64), (16, 64), (4, 16), (4, 0), (4, 256), (-4, 32)])
  func settings(bits: Int, group: Int) {
    #expect(throws: QuantizationProblem.setting(bits: bits, groupSize: group)) {
      try Affine(bits: bits, groupSize: group)
    }
  }
}
