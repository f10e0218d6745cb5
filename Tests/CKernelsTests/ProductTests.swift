// SPDX-License-Identifier: Apache-2.0
// Products with packed matrices: the same bits on every instruction set, alone or in a batch, on any number of threads,
// and close to the exact product.

import CKernels
import Testing

@Suite struct ProductTests {
  /// A shape to be tried.
  struct Shape: Sendable, CustomTestStringConvertible {
    var bits: Int
    var group: Int
    var dtype: ck_dtype
    var testDescription: String { "\(bits) bits, groups of \(group), scales \(dtype.rawValue)" }
  }

  static let shapes = [2, 3, 4, 5, 6, 8].flatMap { bits in
    [32, 64, 128].flatMap { group in [CK_F32, CK_F16, CK_BF16].map { Shape(bits: bits, group: group, dtype: $0) } }
  }

  private struct Product {
    let matrix: Matrix
    let packed: Aligned
    let inputs: Int
    let rows: Int

    init(_ shape: Shape, rows: Int, inputs: Int) {
      matrix = Matrix(
        rows: rows, inputs: inputs, bits: shape.bits, group: shape.group, dtype: shape.dtype, seed: rows + inputs)
      packed = Aligned(ck_packed_bytes(&matrix.weight))
      ck_pack(&matrix.weight, packed.base, 0, ck_packed_blocks(&matrix.weight))
      self.inputs = inputs
      self.rows = rows
    }

    /// x times the matrix, [tokens, rows].
    func run(_ x: [Float], isa: ck_isa, threads: Int, isExact: Bool = false, isFine: Bool = false) -> [Float] {
      let tokens = x.count / inputs
      let pool = ck_pool_create(Int32(threads))
      defer { ck_pool_destroy(pool) }
      let scratch = Aligned(ck_linear_scratch(Int32(inputs), Int32(tokens), Int32(threads)))
      var view = ck_packed_view(&matrix.weight, packed.base)
      var y = [Float](repeating: .nan, count: tokens * rows)
      y.withUnsafeMutableBufferPointer { y in
        withUnsafePointer(to: &view) { view in
          withUnsafePointer(to: &matrix.weight) { weight in
            var output = ck_output(
              packed: isExact ? nil : view, weight: weight, bias: nil, y: y.baseAddress, stride: rows,
              accumulate: false, fine: isFine)
            ck_linear(pool, isa, &output, 1, x, Int32(inputs), Int32(tokens), scratch.base)
          }
        }
      }
      return y
    }
  }

  @Test("a product has the same bits everywhere, and is close to the exact one", arguments: shapes)
  func same(_ shape: Shape) {
    var noise = Noise(7)
    for (rows, inputs) in [(1, 128), (16, 256), (33, 384)] {
      let product = Product(shape, rows: rows, inputs: inputs)
      let x = noise.floats(19 * inputs)
      let reference = product.run(x, isa: CK_ISA_PORTABLE, threads: 1)
      let exact = product.run(x, isa: CK_ISA_PORTABLE, threads: 1, isExact: true)
      let size = (exact.reduce(0) { $0 + $1 * $1 } / Float(exact.count)).squareRoot()
      let error = (zip(reference, exact).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Float(exact.count))
        .squareRoot()
      #expect(error < 0.02 * size, "\(rows) x \(inputs): \(error) of \(size)")
      for isa in instructionSets {
        #expect(product.run(x, isa: isa, threads: 3) == reference, "\(rows) x \(inputs) isa \(isa.rawValue)")
        // Any piece of the batch alone.
        for (first, count) in [(0, 1), (3, 2), (5, 8), (11, 7)] {
          let piece = product.run(Array(x[first * inputs..<(first + count) * inputs]), isa: isa, threads: 1)
          #expect(piece == Array(reference[first * rows..<(first + count) * rows]), "isa \(isa.rawValue) at \(first)")
        }
      }
    }
  }

  @Test("a fine product has the same bits everywhere too, and a hundredth of the error", arguments: shapes)
  func fine(_ shape: Shape) {
    var noise = Noise(8)
    let (rows, inputs) = (33, 384)
    let product = Product(shape, rows: rows, inputs: inputs)
    let x = noise.floats(19 * inputs)
    let exact = product.run(x, isa: CK_ISA_PORTABLE, threads: 1, isExact: true)
    func error(_ y: [Float]) -> Float { zip(y, exact).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() }
    let reference = product.run(x, isa: CK_ISA_PORTABLE, threads: 1, isFine: true)
    #expect(error(reference) * 100 < error(product.run(x, isa: CK_ISA_PORTABLE, threads: 1)))
    for isa in instructionSets {
      #expect(product.run(x, isa: isa, threads: 3, isFine: true) == reference)
      let piece = product.run(Array(x[5 * inputs..<16 * inputs]), isa: isa, threads: 1, isFine: true)
      #expect(piece == Array(reference[5 * rows..<16 * rows]), "isa \(isa.rawValue)")
    }
  }

  @Test(
    "refined values near the largest are the exact ones, the others the product's", arguments: [0.5, 4, 1e9] as [Float])
  func refined(margin: Float) {
    let (rows, inputs, tokens) = (333, 256, 5)
    let product = Product(Shape(bits: 4, group: 64, dtype: CK_BF16), rows: rows, inputs: inputs)
    var noise = Noise(11)
    var x = noise.floats(tokens * inputs)
    let rounded = product.run(x, isa: CK_ISA_PORTABLE, threads: 1)
    for isa in instructionSets {
      let exact = product.run(x, isa: isa, threads: 1, isExact: true)
      var y = rounded
      let pool = ck_pool_create(3)
      defer { ck_pool_destroy(pool) }
      let scratch = Aligned(2 * 3 * inputs * 4)
      var view = ck_packed_view(&product.matrix.weight, product.packed.base)
      y.withUnsafeMutableBufferPointer { y in
        withUnsafePointer(to: &view) { view in
          x.withUnsafeMutableBufferPointer { x in
            var input = ck_input()
            (input.x, input.stride) = (UnsafePointer(x.baseAddress), inputs)
            (input.inputs, input.tokens) = (Int32(inputs), Int32(tokens))
            var output = ck_output(
              packed: view, weight: nil, bias: nil, y: y.baseAddress, stride: rows, accumulate: false,
              fine: false)
            ck_refine(pool, isa, &input, &output, margin, scratch.base)
          }
        }
      }
      for token in 0..<tokens {
        let range = token * rows..<(token + 1) * rows
        let top = rounded[range].max() ?? 0
        // A margin that takes in too many is halved, at most seven times.
        var least = margin
        var near: [Int] = []
        for _ in 0..<8 {
          near = range.filter { rounded[$0] >= top - least }
          if near.count <= 16 { break }
          least /= 2
        }
        if near.count > 16 || near.count < 2 { near = [] }
        if margin == 4 { #expect(near.count >= 2) }
        for index in range { #expect(y[index] == (near.contains(index) ? exact[index] : rounded[index])) }
      }
    }
  }

  @Test("a packed row is the row", arguments: shapes) func rows(_ shape: Shape) {
    let matrix = Matrix(rows: 19, inputs: 256, bits: shape.bits, group: shape.group, dtype: shape.dtype, seed: 3)
    let packed = Aligned(ck_packed_bytes(&matrix.weight))
    ck_pack(&matrix.weight, packed.base, 0, ck_packed_blocks(&matrix.weight))
    var view = ck_packed_view(&matrix.weight, packed.base)
    for row in 0..<19 {
      var (stored, own) = ([Float](repeating: 0, count: 256), [Float](repeating: 1, count: 256))
      ck_weight_row(&matrix.weight, Int32(row), &stored)
      ck_packed_row(&view, Int32(row), &own)
      #expect(stored == own)
    }
  }

  @Test(
    "inputs that are not finite do not stop it",
    arguments: [Float.nan, .infinity, -.infinity, 3e38, .leastNonzeroMagnitude])
  func odd(value: Float) {
    let product = Product(Shape(bits: 4, group: 64, dtype: CK_BF16), rows: 20, inputs: 128)
    var x = [Float](repeating: 0.5, count: 3 * 128)
    x[130] = value
    for isa in instructionSets {
      let y = product.run(x, isa: isa, threads: 2)
      // The rows of other tokens do not know of it.
      #expect(y[..<20].allSatisfy(\.isFinite) && y[40...].allSatisfy(\.isFinite))
    }
  }
}
