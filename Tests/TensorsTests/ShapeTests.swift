// SPDX-License-Identifier: Apache-2.0

import Tensors
import Testing

@Suite("Shape")
struct ShapeTests {
  @Test("rows are everything before the last axis")
  func rows() throws {
    let shape = try Shape([2, 3, 8])
    #expect(shape.elementCount == 48 && shape.rowCount == 6 && shape.rowLength == 8)
    #expect(shape.description == "[2, 3, 8]")
    #expect(try shape.withRowLength(1).dimensions == [2, 3, 1])
    let scalar = try Shape([])
    #expect(scalar.elementCount == 1 && scalar.rowCount == 1 && scalar.rowLength == 1)
    #expect(try Shape([4, 0]).rowCount == 0)
  }

  @Test(
    "impossible dimensions are refused",
    arguments: [
      [-1], [1 << 32, 1 << 32], [Int.max, 2], [0, Int.max, Int.max], Array(repeating: 1, count: 65),
    ])
  func impossible(dimensions: [Int]) { #expect(throws: TensorProblem.self) { try Shape(dimensions) } }

  @Test("sub-byte types must fill whole bytes")
  func byteCounts() {
    #expect(DType.f4.byteCount(elements: 3) == nil)
    #expect(DType.f4.byteCount(elements: 4) == 2)
    #expect(DType.f6e2m3.byteCount(elements: 4) == 3)
    #expect(DType.f64.byteCount(elements: Int.max / 8) == nil)
    for type in DType.allCases { #expect(DType(rawValue: type.rawValue) == type) }
  }
}
