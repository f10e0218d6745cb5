// SPDX-License-Identifier: Apache-2.0
// Products with plain matrices in panels: close to the exact product, alone or in a batch, on any number of threads.

import CKernels
import Testing

@Suite struct PanelTests {
  /// A plain matrix and its packed form.
  private final class Panels {
    var weight = ck_weight()
    var view = ck_panels()
    let packed: Aligned
    private let elements: Aligned

    init(rows: Int, inputs: Int, dtype: ck_dtype, isa: ck_isa) {
      var noise = Noise(rows + inputs)
      let values = noise.floats(rows * inputs)
      // Checkpoints are mapped: a matrix may begin anywhere.
      elements = Aligned(values.count * 4 + 2)
      let base = elements.base + 2
      switch dtype {
      case CK_F32: values.withUnsafeBytes { base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      case CK_F16: ck_f32_to_f16(values, base, values.count)
      default: ck_f32_to_bf16(values, base, values.count)
      }
      (weight.format, weight.dtype, weight.data) = (CK_PLAIN, dtype, UnsafeRawPointer(base))
      (weight.rows, weight.inputs) = (Int32(rows), Int32(inputs))
      packed = Aligned(ck_panels_bytes(isa, &weight))
      let count = ck_panels_count(isa, &weight)
      for panel in 0..<count { ck_panels_pack(isa, &weight, packed.base, panel, panel + 1) }
      view = ck_panels_view(isa, &weight, packed.base)
    }

    /// activation(x times the matrix + bias) + what y held, [tokens, rows].
    func run(
      _ x: [Float], isa: ck_isa, threads: Int, bias: [Float]? = nil, added: Float? = nil,
      activation: ck_activation? = nil
    ) -> [Float] {
      let (rows, inputs) = (Int(weight.rows), Int(weight.inputs))
      let pool = ck_pool_create(Int32(threads))
      defer { ck_pool_destroy(pool) }
      var y = [Float](repeating: added ?? .nan, count: x.count / inputs * rows)
      y.withUnsafeMutableBufferPointer { y in
        withUnsafePointer(to: &view) { view in
          (bias ?? []).withUnsafeBufferPointer { values in
            var output = ck_panel_output(
              matrix: view, bias: bias == nil ? nil : values.baseAddress, y: y.baseAddress, stride: rows,
              accumulate: added != nil, activates: activation != nil, activation: activation ?? ck_activation())
            ck_panel_products(pool, isa, &output, 1, x, inputs, Int32(x.count / inputs))
          }
        }
      }
      return y
    }

    /// The exact product in double.
    func exact(_ x: [Float]) -> [Double] {
      let (rows, inputs) = (Int(weight.rows), Int(weight.inputs))
      let matrix = (0..<rows).map { row in
        var values = [Float](repeating: 0, count: inputs)
        ck_weight_row(&weight, Int32(row), &values)
        return values
      }
      return (0..<x.count / inputs).flatMap { token in
        (0..<rows).map { row in
          (0..<inputs).reduce(0.0) { $0 + Double(matrix[row][$1]) * Double(x[token * inputs + $1]) }
        }
      }
    }
  }

  private static let shapes = [(1, 1), (15, 17), (16, 64), (33, 384), (64, 31), (130, 96)]

  @Test("products are the exact ones, rounded", arguments: [CK_F32, CK_F16, CK_BF16]) func exact(_ dtype: ck_dtype) {
    var noise = Noise(3)
    for isa in instructionSets {
      for (rows, inputs) in Self.shapes {
        let panels = Panels(rows: rows, inputs: inputs, dtype: dtype, isa: isa)
        let (x, bias) = (noise.floats(13 * inputs), noise.floats(rows))
        let (got, expected) = (panels.run(x, isa: isa, threads: 2, bias: bias, added: 0.5), panels.exact(x))
        for (index, value) in got.enumerated() {
          #expect(abs(Double(value) - expected[index] - Double(bias[index % rows]) - 0.5) < 2e-5, "\(rows) x \(inputs)")
        }
      }
    }
  }

  @Test("any piece of a batch has the batch's bits, on any number of threads") func pieces() {
    var noise = Noise(11)
    for isa in instructionSets {
      let panels = Panels(rows: 150, inputs: 97, dtype: CK_F32, isa: isa)
      let x = noise.floats(700 * 97)
      let whole = panels.run(x, isa: isa, threads: 1)
      #expect(panels.run(x, isa: isa, threads: 3) == whole)
      for (first, count) in [(0, 1), (3, 2), (5, 8), (11, 7), (600, 100)] {
        let piece = panels.run(Array(x[first * 97..<(first + count) * 97]), isa: isa, threads: 2)
        #expect(piece == Array(whole[first * 150..<(first + count) * 150]), "isa \(isa.rawValue) at \(first)")
      }
    }
  }

  @Test("an activation follows the bias") func activation() {
    var noise = Noise(5)
    let (x, bias) = (noise.floats(9 * 48), noise.floats(70))
    for isa in instructionSets {
      let panels = Panels(rows: 70, inputs: 48, dtype: CK_F32, isa: isa)
      var plain = panels.run(x, isa: isa, threads: 1, bias: bias)
      for kind in [CK_GELU, CK_GELU_TANH, CK_SILU, CK_RELU] {
        let activation = ck_activation(kind: kind, limit: 0)
        let got = panels.run(x, isa: isa, threads: 1, bias: bias, activation: activation)
        var expected = [Float](repeating: 0, count: plain.count)
        ck_activate(isa, activation, &plain, nil, Int32(plain.count), &expected)
        #expect(got == expected)
      }
    }
  }
}
