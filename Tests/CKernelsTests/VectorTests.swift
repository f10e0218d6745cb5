// SPDX-License-Identifier: Apache-2.0
// Norms, softmax, choices and the pool, each against a plain sum.

import CKernels
import Glibc
import Synchronization
import Testing

@Suite struct VectorTests {
  @Test("norms are the formula's", arguments: [1, 7, 16, 33, 576]) func norms(count: Int) {
    var noise = Noise(count)
    let (x, w, b) = (noise.floats(count), noise.floats(count), noise.floats(count))
    let mean = x.reduce(0) { $0 + Double($1) } / Double(count)
    let square = x.reduce(0) { $0 + Double($1) * Double($1) } / Double(count)
    let variance = x.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
    for isa in instructionSets {
      var y = [Float](repeating: 0, count: count)
      ck_rms_norm(isa, x, w, 1, 1e-5, Int32(count), &y)
      for index in 0..<count {
        let expected = Double(x[index]) / (square + 1e-5).squareRoot() * (Double(w[index]) + 1)
        #expect(abs(Double(y[index]) - expected) < 1e-5)
      }
      ck_layer_norm(isa, x, w, b, 1e-5, Int32(count), &y)
      for index in 0..<count {
        let expected = (Double(x[index]) - mean) / (variance + 1e-5).squareRoot() * Double(w[index]) + Double(b[index])
        #expect(abs(Double(y[index]) - expected) < 1e-5)
      }
    }
  }

  @Test("the exact gelu is the formula's, far out too") func gelu() {
    let x = (-4000...4000).map { Float($0) * 0.004 } + [-1e30, 1e30, -40, 40]
    for isa in instructionSets {
      var y = [Float](repeating: 0, count: x.count)
      ck_activate(isa, ck_activation(kind: CK_GELU, limit: 0), x, nil, Int32(x.count), &y)
      for (value, got) in zip(x, y) {
        let expected = 0.5 * Double(value) * (1 + erf(Double(value) / 2.0.squareRoot()))
        #expect(abs(Double(got) - expected) <= 3e-7 * max(1, abs(Double(value))), "gelu(\(value)) is \(got)")
        if value < -6 { #expect(abs(got) < 1e-8) }
      }
    }
  }

  @Test("a softmax sums to one and keeps the order", arguments: [1, 5, 64, 1000]) func softmax(count: Int) {
    var noise = Noise(count)
    let x = noise.floats(count).map { $0 * 20 }
    for isa in instructionSets {
      var y = x
      ck_softmax(isa, &y, Int32(count))
      #expect(abs(y.reduce(0, +) - 1) < 1e-5)
      #expect(ck_argmax(y, Int32(count)) == ck_argmax(x, Int32(count)))
      let total = ck_log_sum_exp(isa, x, Int32(count))
      #expect(total >= x.max()! && total <= x.max()! + 7)
    }
  }

  @Test("the largest, in order; of equals the first; never what is no number") func topK() {
    var noise = Noise(5)
    for count in [1, 2, 17, 500, 5000] {
      var x = noise.floats(count)
      if count > 10 {
        x[3] = .nan
        x[5] = x[9]
      }
      let sorted = x.indices.filter { !x[$0].isNaN }.sorted { (x[$0], $1) > (x[$1], $0) }
      for k in [1, 3, 40, count] {
        var indices = [Int32](repeating: -1, count: k)
        let found = Int(ck_top_k(x, Int32(count), Int32(k), &indices))
        #expect(Array(indices[..<found]) == sorted.prefix(k).map { Int32($0) })
      }
    }
  }

  @Test("half floats round to nearest, ties to even, both ways") func halves() {
    let values: [Float] = [0, -0, 1, 65504, 65520, 1e-8, 5.9604645e-8, 0.1, -2.5, .infinity]
    var bits = [UInt16](repeating: 0, count: values.count)
    ck_f32_to_f16(values, &bits, values.count)
    #expect(bits == values.map { Float16($0).bitPattern })
    var back = [Float](repeating: 1, count: values.count)
    ck_f16_to_f32(bits, &back, values.count)
    #expect(back == values.map { Float(Float16($0)) })
  }

  @Test("every part is done once, by any number of threads, again and again", arguments: [1, 2, 3, 8])
  func pool(threads: Int) {
    let pool = ck_pool_create(Int32(threads))
    defer { ck_pool_destroy(pool) }
    for round in 0..<300 {
      let count = round % 37 + 1
      var done = [Int32](repeating: 0, count: count)
      done.withUnsafeMutableBufferPointer { done in
        ck_pool_each(
          pool, Int32(count),
          { context, part, _ in context!.assumingMemoryBound(to: Int32.self)[Int(part)] += 1 }, done.baseAddress)
      }
      #expect(done.allSatisfy { $0 == 1 })
    }
  }
}
