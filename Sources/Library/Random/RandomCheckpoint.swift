// SPDX-License-Identifier: Apache-2.0
// A checkpoint of random numbers in memory.
//
// Matrices that the engine packs are copied by it, so they may all be cut from the same bytes: what is made is as large as
// the largest of them, not as the model. Matrices it computes with where they lie have bytes of their own, or a cache
// would serve what has to come from memory.

internal import Basics
internal import Checkpoints
internal import Quantization
internal import Tensors

/// Tensors of a plan with random codes, in affine formats, small floats and bfloat16.
struct RandomCheckpoint: Checkpoint {
  let names: [String]
  let metadata: [String: String] = [:]
  let files: [String] = []
  private let views: [String: TensorView]

  func tensor(_ name: String) -> TensorView? { views[name] }

  /// Where numbers of one kind lie.
  private enum Pool: Hashable {
    case codes
    case scales(Affine)
    case offsets(Affine)
    case scaleBytes(RandomModel.SmallFloat)
    case floats
    case constant(Float)
  }

  /// A tensor on its way to a pool.
  private struct Part {
    var name: String
    var dtype: DType
    var shape: Shape
    var pool: Pool
    var byteCount: Int
    /// Where it begins in its pool.
    var place: Int
  }

  /// Where tensors of a shared pool begin, so that equal ones are not the same bytes.
  private static let spread = 1 << 20

  /// - Parameters:
  ///   - smallFloats: what quantized matrices consist of instead of affine codes, by path.
  ///   - sharesCodes: quantized matrices may be cut from the same bytes.
  /// - Throws: `TensorProblem` for sizes that cannot be, `FileProblem` when there is no memory.
  init(
    _ plan: Plan, smallFloats: [String: RandomModel.SmallFloat], constants: [RandomTensors.Constant],
    sharesCodes: Bool
  ) throws {
    var parts: [Part] = []
    for (number, entry) in plan.entries.enumerated() {
      // Scales and offsets belong together and begin at the same place.
      parts += try Self.parts(entry, smallFloats[entry.candidate.path], place: number * 8192 % Self.spread)
    }
    for constant in constants {
      parts.append(try Self.part(constant.name, .bf16, constant.shape, .constant(constant.value), place: 0))
    }
    var sizes: [Pool: Int] = [:]
    for index in parts.indices {
      let (part, size) = (parts[index], (parts[index].byteCount + 63) / 64 * 64)
      switch part.pool {
      case .constant:
        parts[index].place = 0
        sizes[part.pool] = max(sizes[part.pool] ?? 0, size)
      case .codes where sharesCodes, .scales where sharesCodes, .offsets where sharesCodes,
        .scaleBytes where sharesCodes:
        sizes[part.pool] = max(sizes[part.pool] ?? 0, size + Self.spread)
      default:
        parts[index].place = sizes[part.pool] ?? 0
        sizes[part.pool] = parts[index].place + size
      }
    }
    var (begins, total): ([Pool: Int], Int) = ([:], 0)
    for (pool, size) in sizes {
      begins[pool] = total
      total += size
    }
    let file = try MappedFile(memory: "random weights", byteCount: total) { memory in
      for (pool, size) in sizes {
        let begin = begins[pool] ?? 0
        Self.fill(UnsafeMutableRawBufferPointer(rebasing: memory[begin..<begin + size]), pool)
      }
    }
    var views: [String: TensorView] = [:]
    for part in parts {
      views[part.name] = try TensorView(
        dtype: part.dtype, shape: part.shape, file: file, offset: (begins[part.pool] ?? 0) + part.place)
    }
    self.views = views
    names = views.keys.sorted()
  }

  /// The tensors of a matrix; two or three of them when it is quantized.
  /// - Parameter place: where they begin if their pools are shared.
  private static func parts(
    _ entry: Plan.Entry, _ smallFloat: RandomModel.SmallFloat?, place: Int
  ) throws -> [Part] {
    let (path, shape) = (entry.candidate.path, entry.candidate.shape)
    guard case .quantize(let format, _) = entry.choice else {
      return [try part("\(path).weight", .bf16, shape, .floats, place: 0)]
    }
    let (leading, inputs) = (Array(shape.dimensions.dropLast()), shape.rowLength)
    if let smallFloat {
      let words = try Shape(leading + [inputs * smallFloat.bits / 32])
      let groups = try Shape(leading + [inputs / smallFloat.groupSize])
      return [
        try part("\(path).weight", .u32, words, .codes, place: place),
        try part("\(path).scales", .u8, groups, .scaleBytes(smallFloat), place: place),
      ]
    }
    let groups = try Shape(leading + [format.groups(inputs: inputs)])
    return [
      try part("\(path).weight", .u32, try Shape(leading + [format.words(inputs: inputs)]), .codes, place: place),
      try part("\(path).scales", .bf16, groups, .scales(format), place: place),
      try part("\(path).biases", .bf16, groups, .offsets(format), place: place),
    ]
  }

  private static func part(
    _ name: String, _ dtype: DType, _ shape: Shape, _ pool: Pool, place: Int
  ) throws -> Part {
    guard let size = dtype.byteCount(elements: shape.elementCount) else {
      throw TensorProblem.byteCount(dtype: dtype, shape: shape)
    }
    return Part(name: name, dtype: dtype, shape: shape, pool: pool, byteCount: size, place: place)
  }

  private static func fill(_ memory: UnsafeMutableRawBufferPointer, _ pool: Pool) {
    let words = memory.bindMemory(to: UInt64.self)
    switch pool {
    case .codes:
      for index in words.indices { words[index] = mixed(UInt64(index)) }
    case .floats:
      // A random sign, and a size from 2^-7 to 2^-5.
      for index in words.indices { words[index] = mixed(UInt64(index)) & 0x80FF_80FF_80FF_80FF | 0x3C00_3C00_3C00_3C00 }
    case .scales(let format):
      let numbers = memory.bindMemory(to: UInt16.self)
      for index in numbers.indices { numbers[index] = scale(index, format) }
    case .offsets(let format):
      // The middle of the codes stands for zero.
      let middle = Float(1 << format.bits - 1) / 2
      let numbers = memory.bindMemory(to: UInt16.self)
      for index in numbers.indices {
        numbers[index] = HalfFloats.bf16(-middle * HalfFloats.float(bf16: scale(index, format)))
      }
    case .scaleBytes(let format):
      for index in memory.indices { memory[index] = format.usualScale }
    case .constant(let value):
      let numbers = memory.bindMemory(to: UInt16.self)
      for index in numbers.indices { numbers[index] = HalfFloats.bf16(value) }
    }
  }

  /// The scale at a place of its pool, so that weights deviate by some 0.02 from zero.
  private static func scale(_ index: Int, _ format: Affine) -> UInt16 {
    let deviation = Float(1 << format.bits) / 3.46
    return HalfFloats.bf16(0.02 / deviation * (0.75 + Float(mixed(UInt64(index)) >> 40) * 0x1p-25))
  }

  /// Random bits by place (splitmix64).
  private static func mixed(_ index: UInt64) -> UInt64 {
    var bits = (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}
