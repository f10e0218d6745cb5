// SPDX-License-Identifier: Apache-2.0
// A tensor cut into blocks of rows, each of which one thread reads, converts and writes.

internal import Basics
internal import Checkpoints
internal import Quantization
internal import Tensors

/// One tensor on its way from source to result.
struct TensorWork: Sendable {
  /// Rows of one part of the source.
  struct Block: Sendable {
    var part: Int
    /// Rows within the part.
    var rows: Range<Int>
    /// Bytes of the source.
    var byteCount: Int
  }

  /// Bytes of source in a block: large enough to hide the system calls, small enough for a cache.
  private static let blockByteCount = 1 << 20

  private let tensor: QuantizingTensor
  private let format: Affine?
  private let measuresErrors: Bool
  /// Elements of a row, and rows of each part. A plain tensor has rows of one element: it is cut anywhere.
  private let rowLength: Int
  private let rowsOfPart: Int
  let declarations: [SafetensorsWriter.Declaration]

  init(_ tensor: QuantizingTensor, _ choice: Policy.Choice?, measuresErrors: Bool) throws {
    self.tensor = tensor
    self.measuresErrors = measuresErrors
    guard case .quantize(let format, _) = choice else {
      self.format = nil
      rowLength = 1
      rowsOfPart = tensor.shape.elementCount / tensor.parts.count
      declarations = [SafetensorsWriter.Declaration(tensor.name, tensor.dtype, tensor.shape)]
      return
    }
    self.format = format
    rowLength = tensor.shape.rowLength
    rowsOfPart = tensor.shape.rowCount / tensor.parts.count
    let words = try tensor.shape.withRowLength(format.words(inputs: rowLength))
    let groups = try tensor.shape.withRowLength(format.groups(inputs: rowLength))
    declarations = [
      SafetensorsWriter.Declaration(tensor.name, .u32, words),
      SafetensorsWriter.Declaration("\(tensor.path).scales", tensor.dtype, groups),
      SafetensorsWriter.Declaration("\(tensor.path).biases", tensor.dtype, groups),
    ]
  }

  var path: String { tensor.path }
  var isQuantized: Bool { format != nil }

  /// Bytes of a row of the source.
  var rowByteCount: Int { max(1, rowLength * tensor.parts[0].dtype.bitCount / 8) }

  var blocks: [Block] {
    tensor.parts.indices.flatMap { blocks(ofPart: $0, rows: 0..<rowsOfPart) }
  }

  /// Rows of one part in blocks.
  func blocks(ofPart part: Int, rows: Range<Int>) -> [Block] {
    let step = max(1, Self.blockByteCount / rowByteCount)
    return stride(from: rows.lowerBound, to: rows.upperBound, by: step).map { first in
      let piece = first..<min(first + step, rows.upperBound)
      return Block(part: part, rows: piece, byteCount: piece.count * rowByteCount)
    }
  }

  /// Where each part lies in which file.
  var places: [(path: String, bytes: Range<Int>)] {
    tensor.parts.map { ($0.file.path, $0.offset..<$0.offset + $0.byteCount) }
  }

  /// Tells the system that the source's pages are done with.
  func releasePages() { for part in tensor.parts { part.file.advise(.dontNeed) } }

  /// Reads a block, converts it and writes it to its place.
  /// - Returns: the errors of quantizing it, when they are measured.
  func write(_ block: Block, to writer: ShardedWriter) throws -> QualityReport.Errors {
    let source = tensor.parts[block.part]
    let size = source.dtype.bitCount / 8
    let range = block.rows.lowerBound * rowLength * size..<block.rows.upperBound * rowLength * size
    return try source.withUnsafeBytes { bytes in
      try write(UnsafeRawBufferPointer(rebasing: bytes[range]), of: block, to: writer)
    }
  }

  /// Converts a block's rows, given as the source has them, and writes them to their place.
  func write(
    _ rows: UnsafeRawBufferPointer, of block: Block, to writer: ShardedWriter
  ) throws -> QualityReport.Errors {
    let dtype = tensor.parts[block.part].dtype
    guard dtype != tensor.dtype else { return try write(rows, block, to: writer) }
    let converted = convert(rows, from: dtype)
    return try converted.withUnsafeBytes { try write($0, block, to: writer) }
  }

  /// Elements of another type as the result's.
  private func convert(_ rows: UnsafeRawBufferPointer, from dtype: DType) -> [UInt8] {
    let count = rows.count * 8 / dtype.bitCount
    let floats = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      FloatReading.read(rows, as: dtype, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
    return FloatRows.bytes(floats, as: tensor.dtype)
  }

  /// Writes rows that have the result's type.
  private func write(
    _ rows: UnsafeRawBufferPointer, _ block: Block, to writer: ShardedWriter
  ) throws -> QualityReport.Errors {
    let firstRow = block.part * rowsOfPart + block.rows.lowerBound
    let size = tensor.dtype.bitCount / 8
    guard let format else {
      try checkFinite(rows)
      try Self.write(rows, to: writer.place(of: tensor.name), at: firstRow * rowLength * size)
      return QualityReport.Errors()
    }
    let codeBytes = format.codeByteCount(inputs: rowLength)
    let groupBytes = format.groups(inputs: rowLength) * size
    let count = block.rows.count
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: count * (codeBytes + 2 * groupBytes), alignment: 64)
    defer { scratch.deallocate() }
    let codes = UnsafeMutableRawBufferPointer(rebasing: scratch[..<(count * codeBytes)])
    let scales = UnsafeMutableRawBufferPointer(rebasing: scratch[(count * codeBytes)...].prefix(count * groupBytes))
    let biases = UnsafeMutableRawBufferPointer(rebasing: scratch.suffix(count * groupBytes))
    let faults = format.quantize(
      rows, dtype: tensor.dtype, rows: count, inputs: rowLength, codes: codes, scales: scales, biases: biases)
    guard faults == 0 else { throw QuantizationProblem.notFinite(tensor: tensor.name, count: faults) }
    try Self.write(UnsafeRawBufferPointer(codes), to: writer.place(of: tensor.name), at: firstRow * codeBytes)
    try Self.write(UnsafeRawBufferPointer(scales), to: writer.place(of: "\(path).scales"), at: firstRow * groupBytes)
    try Self.write(UnsafeRawBufferPointer(biases), to: writer.place(of: "\(path).biases"), at: firstRow * groupBytes)
    guard measuresErrors else { return QualityReport.Errors() }
    return measure(
      rows, format, count, UnsafeRawBufferPointer(codes), UnsafeRawBufferPointer(scales), UnsafeRawBufferPointer(biases)
    )
  }

  private func measure(
    _ rows: UnsafeRawBufferPointer, _ format: Affine, _ count: Int, _ codes: UnsafeRawBufferPointer,
    _ scales: UnsafeRawBufferPointer, _ biases: UnsafeRawBufferPointer
  ) -> QualityReport.Errors {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2 * count * rowLength)
    defer { values.deallocate() }
    let original = UnsafeMutableBufferPointer(rebasing: values[..<(count * rowLength)])
    let decoded = UnsafeMutableBufferPointer(rebasing: values[(count * rowLength)...])
    FloatReading.read(rows, as: tensor.dtype, into: original)
    format.dequantize(
      codes: codes, scales: scales, biases: biases, dtype: tensor.dtype, rows: count, inputs: rowLength, into: decoded)
    var errors = QualityReport.Errors()
    errors.add(original: UnsafeBufferPointer(original), decoded: UnsafeBufferPointer(decoded))
    return errors
  }

  /// Refuses NaN and infinity also in what is only copied.
  private func checkFinite(_ rows: UnsafeRawBufferPointer) throws {
    let count = rows.count * 8 / tensor.dtype.bitCount
    let floats = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      FloatReading.read(rows, as: tensor.dtype, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
    let faults = floats.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
    guard faults == 0 else { throw QuantizationProblem.notFinite(tensor: tensor.name, count: faults) }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to place: ShardedWriter.Place, at offset: Int) throws {
    try place.write(Span(_unsafeBytes: bytes), at: offset)
  }
}
