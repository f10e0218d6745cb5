// SPDX-License-Identifier: Apache-2.0
// The tensors of a model on their way into a fused one, in blocks of rows.

internal import Basics
internal import Checkpoints
internal import Models
internal import Quantization
internal import Tensors

/// A tensor, and what changes of it.
struct FusingTensor: Sendable {
  let name: String
  let view: TensorView
  /// Set for a matrix that changes.
  let matrix: FusingMatrix?

  var declarations: [SafetensorsWriter.Declaration] {
    let own = SafetensorsWriter.Declaration(name, view.dtype, view.shape)
    guard let matrix, let scales = matrix.scales, let biases = matrix.biases else { return [own] }
    return [
      own, .init("\(matrix.path).scales", scales.dtype, scales.shape),
      .init("\(matrix.path).biases", biases.dtype, biases.shape),
    ]
  }

  /// Elements, codes counted as such.
  var elementCount: Int { matrix.map { $0.outputs * $0.inputs } ?? view.shape.elementCount }
}

/// A matrix that adapters change.
struct FusingMatrix: Sendable {
  let path: String
  let outputs: Int
  let inputs: Int
  /// How it is quantized; nil when it is not.
  let format: Affine?
  /// Type of the elements, or of the scales.
  let dtype: DType
  let scales: TensorView?
  let biases: TensorView?
  let updates: [AdapterUpdate]

  /// - Throws: `ModelProblem` when the adapters are for a matrix of another size, or the matrix is in a format that is
  ///   not quantized to.
  init(_ path: String, _ weight: TensorView, _ checkpoint: any Checkpoint, _ updates: [AdapterUpdate]) throws {
    guard weight.shape.rank == 2, let first = updates.first else {
      throw ModelProblem.unsupportedFeature(name: "adapters of stacked experts, as for \(path)")
    }
    self.path = path
    self.updates = updates
    outputs = weight.shape[0]
    scales = checkpoint.tensor("\(path).scales")
    biases = checkpoint.tensor("\(path).biases")
    if let scales {
      inputs = first.inputs(outputs: outputs)
      let found = WeightFormat(
        inputs: inputs, words: weight.shape.rowLength, groups: scales.shape.rowLength,
        scalesAreBytes: scales.dtype == .u8)
      guard case .affine(let bits, let group) = found, let biases, biases.dtype == scales.dtype,
        biases.shape == scales.shape, scales.shape.rowCount == outputs
      else {
        guard let found else {
          throw ModelProblem.invalidTensor(name: path, reason: "the adapter is for \(inputs) inputs")
        }
        throw ModelProblem.unsupportedFeature(name: "adapters of weights in \(found)")
      }
      format = try Affine(bits: bits, groupSize: group)
      dtype = scales.dtype
    } else {
      inputs = weight.shape[1]
      format = nil
      dtype = weight.dtype
    }
    guard dtype.torchName != nil else {
      throw ModelProblem.wrongType(name: path, expected: "F32, F16 or BF16", found: dtype.rawValue)
    }
    for update in updates { _ = try update.factors(outputs: outputs, inputs: inputs) }
  }
}

/// A tensor's rows, written in blocks by several threads.
struct FusingRows: Sendable {
  private let tensor: FusingTensor
  private let factors: [(up: [Float], down: [Float], rank: Int)]

  private static let blockByteCount = 1 << 20

  init(_ tensor: FusingTensor) throws {
    self.tensor = tensor
    factors =
      try tensor.matrix.map { matrix in
        try matrix.updates.map { try $0.factors(outputs: matrix.outputs, inputs: matrix.inputs) }
      } ?? []
  }

  /// Rows of a matrix that changes, bytes of anything else.
  var blocks: [Range<Int>] {
    let count = tensor.matrix?.outputs ?? tensor.view.byteCount
    let step = max(1, Self.blockByteCount / max(1, tensor.matrix.map { $0.inputs * 4 } ?? 1))
    return stride(from: 0, to: count, by: step).map { $0..<min($0 + step, count) }
  }

  /// Writes a block.
  /// - Returns: bytes of the source that are done.
  func write(_ rows: Range<Int>, to writer: ShardedWriter) throws -> Int {
    guard let matrix = tensor.matrix else {
      try writer.place(of: tensor.name).write(tensor.view.bytes.extracting(rows), at: rows.lowerBound)
      return rows.count
    }
    var values = decoded(matrix, rows)
    add(to: &values, matrix, rows)
    let narrowed = try FloatRows.finiteBytes(values, as: matrix.dtype, tensor: tensor.name)
    if let format = matrix.format {
      try write(quantized: narrowed, format, matrix, rows, to: writer)
    } else {
      let size = matrix.inputs * matrix.dtype.bitCount / 8
      try writer.place(of: tensor.name).write(narrowed.span, at: rows.lowerBound * size)
    }
    return rows.count * tensor.view.byteCount / max(1, matrix.outputs)
  }

  /// The rows as they were, in float32.
  private func decoded(_ matrix: FusingMatrix, _ rows: Range<Int>) -> [Float] {
    let count = rows.count * matrix.inputs
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      let target = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
      if let format = matrix.format, let scales = matrix.scales, let biases = matrix.biases {
        Self.slice(tensor.view, rows) { codes in
          Self.slice(scales, rows) { scale in
            Self.slice(biases, rows) { bias in
              format.dequantize(
                codes: codes, scales: scale, biases: bias, dtype: matrix.dtype, rows: rows.count, inputs: matrix.inputs,
                into: target)
            }
          }
        }
      } else {
        Self.slice(tensor.view, rows) { FloatReading.read($0, as: matrix.dtype, into: target) }
      }
      initialized = count
    }
  }

  private static func slice(_ view: TensorView, _ rows: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void) {
    view.withUnsafeBytes { bytes in
      let size = bytes.count / max(1, view.shape.rowCount)
      body(UnsafeRawBufferPointer(rebasing: bytes[(rows.lowerBound * size)..<(rows.upperBound * size)]))
    }
  }

  /// Adds up · down, a row of down at a time: the inner loop is a multiply-add over whole rows.
  private func add(to values: inout [Float], _ matrix: FusingMatrix, _ rows: Range<Int>) {
    let inputs = matrix.inputs
    values.withUnsafeMutableBufferPointer { values in
      for factor in factors {
        factor.down.withUnsafeBufferPointer { down in
          for (index, row) in rows.enumerated() {
            for k in 0..<factor.rank {
              let weight = factor.up[row * factor.rank + k]
              let (from, to) = (k * inputs, index * inputs)
              for input in 0..<inputs { values[to + input] += weight * down[from + input] }
            }
          }
        }
      }
    }
  }

  private func write(
    quantized rows: [UInt8], _ format: Affine, _ matrix: FusingMatrix, _ range: Range<Int>, to writer: ShardedWriter
  ) throws {
    let codeBytes = format.codeByteCount(inputs: matrix.inputs)
    let groupBytes = format.groups(inputs: matrix.inputs) * matrix.dtype.bitCount / 8
    var codes = [UInt8](repeating: 0, count: range.count * codeBytes)
    var scales = [UInt8](repeating: 0, count: range.count * groupBytes)
    var biases = scales
    let faults = rows.withUnsafeBytes { source in
      codes.withUnsafeMutableBytes { codes in
        scales.withUnsafeMutableBytes { scales in
          biases.withUnsafeMutableBytes { biases in
            format.quantize(
              source, dtype: matrix.dtype, rows: range.count, inputs: matrix.inputs, codes: codes, scales: scales,
              biases: biases)
          }
        }
      }
    }
    guard faults == 0 else { throw QuantizationProblem.notFinite(tensor: tensor.name, count: faults) }
    try writer.place(of: tensor.name).write(codes.span, at: range.lowerBound * codeBytes)
    try writer.place(of: "\(matrix.path).scales").write(scales.span, at: range.lowerBound * groupBytes)
    try writer.place(of: "\(matrix.path).biases").write(biases.span, at: range.lowerBound * groupBytes)
  }
}
