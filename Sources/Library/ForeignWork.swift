// SPDX-License-Identifier: Apache-2.0
// One matrix or tensor of a foreign checkpoint on its way into MLX's layout.

internal import Basics
internal import Checkpoints
internal import Models
internal import Quantization
internal import Tensors

/// A tensor of the source and what becomes of it.
struct ForeignWork: Sendable {
  let item: ForeignCheckpoint.Item
  /// The affine format its codes are kept in; nil when it is widened or copied.
  let format: Affine?
  /// Type of scales and biases, or of the elements.
  let dtype: DType
  let declarations: [SafetensorsWriter.Declaration]

  /// - Parameter dtype: the model's type; nil where its config does not say.
  init(_ item: ForeignCheckpoint.Item, dtype: DType?) throws {
    self.item = item
    switch item {
    case .integers(let matrix):
      if let (bits, group) = matrix.affine {
        let format = try Affine(bits: bits, groupSize: group)
        let type = try matrix.exactType()
        let groups = try Shape([matrix.outputs, format.groups(inputs: matrix.inputs)])
        self.format = format
        self.dtype = type
        declarations = [
          .init("\(matrix.path).weight", .u32, try Shape([matrix.outputs, format.words(inputs: matrix.inputs)])),
          .init("\(matrix.path).scales", type, groups), .init("\(matrix.path).biases", type, groups),
        ]
      } else {
        format = nil
        self.dtype = dtype ?? matrix.scaleType
        declarations = [.init("\(matrix.path).weight", self.dtype, try Shape([matrix.outputs, matrix.inputs]))]
      }
    case .floats(let matrix):
      format = nil
      self.dtype = dtype ?? .bf16
      declarations = [.init("\(matrix.path).weight", self.dtype, try Shape([matrix.outputs, matrix.inputs]))]
    case .other(let name, let view):
      format = nil
      self.dtype = view.dtype
      declarations = [.init(name, view.dtype, view.shape)]
    }
  }

  /// Module path of a matrix, name of another tensor.
  var path: String { item.name }

  /// Why a quantized matrix does not stay as it is; nil when it does.
  var wideningReason: String? {
    switch item {
    case .integers(let matrix) where format == nil:
      matrix.order != nil ? "its inputs are reordered" : "MLX has no groups of \(matrix.groupSize)"
    case .floats: "8-bit floats"
    default: nil
    }
  }

  /// With what all blocks share in memory.
  func opened() throws -> ForeignRows {
    if case .integers(let matrix) = item {
      let (scales, zeros) = try matrix.parameters()
      return ForeignRows(work: self, scales: scales, zeros: zeros)
    }
    return ForeignRows(work: self, scales: [], zeros: [])
  }

  /// Tells the system that the source's pages are done with.
  func releasePages() {
    if case .other(_, let view) = item { view.file.advise(.dontNeed) }
  }
}

/// The rows of a matrix, to be written in blocks by several threads.
struct ForeignRows: Sendable {
  let work: ForeignWork
  /// Of integer codes: [outputs, groups].
  let scales: [Float]
  let zeros: [Float]

  /// Elements of a block; few rows, so that a column-wise source is read in runs and the result stays in a cache.
  private static let elementCount = 1 << 18

  private var size: (rows: Int, length: Int) {
    switch work.item {
    case .integers(let matrix): (matrix.outputs, matrix.inputs)
    case .floats(let matrix): (matrix.outputs, matrix.inputs)
    case .other(_, let view): (view.byteCount, 1)
    }
  }

  var blocks: [Range<Int>] {
    let (rows, length) = size
    let step = max(1, Self.elementCount / max(1, length))
    return stride(from: 0, to: rows, by: step).map { $0..<min($0 + step, rows) }
  }

  /// Converts and writes a block.
  /// - Returns: elements done.
  func write(_ rows: Range<Int>, to writer: ShardedWriter) throws -> Int {
    switch work.item {
    case .integers(let matrix):
      if let format = work.format {
        try write(codes: matrix, format, rows, to: writer)
      } else {
        try write(matrix.values(rows, scales: scales, zeros: zeros), at: rows.lowerBound * matrix.inputs, to: writer)
      }
    case .floats(let matrix): try write(matrix.values(rows), at: rows.lowerBound * matrix.inputs, to: writer)
    case .other(let name, let view):
      try writer.place(of: name).write(view.bytes.extracting(rows), at: rows.lowerBound)
      return rows.count * 8 / view.dtype.bitCount
    }
    return rows.count * size.length
  }

  /// Codes as they are, a scale and -zero · scale for each of MLX's groups.
  private func write(codes matrix: IntegerMatrix, _ format: Affine, _ rows: Range<Int>, to writer: ShardedWriter) throws
  {
    let rowBytes = format.codeByteCount(inputs: matrix.inputs)
    let packed = Self.pack(matrix.codes(rows), bits: format.bits)
    try writer.place(of: "\(matrix.path).weight").write(packed.span, at: rows.lowerBound * rowBytes)
    let groups = format.groups(inputs: matrix.inputs)
    var (scale, bias): ([Float], [Float]) = ([], [])
    scale.reserveCapacity(rows.count * groups)
    bias.reserveCapacity(rows.count * groups)
    for row in rows {
      for group in 0..<groups {
        let place = row * matrix.groups + group * format.groupSize / matrix.groupSize
        scale.append(scales[place])
        bias.append(0 - zeros[place] * scales[place])
      }
    }
    let at = rows.lowerBound * groups * work.dtype.bitCount / 8
    try writer.place(of: "\(matrix.path).scales").write(FloatRows.bytes(scale, as: work.dtype).span, at: at)
    try writer.place(of: "\(matrix.path).biases").write(FloatRows.bytes(bias, as: work.dtype).span, at: at)
  }

  /// Codes of `bits` bits in a little-endian stream. Rows are whole bytes, so they need not be told apart.
  private static func pack(_ codes: [UInt8], bits: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: codes.count * bits / 8) { buffer, count in
      var (pending, pendingBits): (UInt32, UInt32) = (0, 0)
      for code in codes {
        pending |= UInt32(code) << pendingBits
        pendingBits += UInt32(bits)
        while pendingBits >= 8 {
          buffer[count] = UInt8(truncatingIfNeeded: pending)
          count += 1
          pending >>= 8
          pendingBits -= 8
        }
      }
    }
  }

  private func write(_ values: [Float], at element: Int, to writer: ShardedWriter) throws {
    let name = "\(work.path).weight"
    let bytes = try FloatRows.finiteBytes(values, as: work.dtype, tensor: name)
    try writer.place(of: name).write(bytes.span, at: element * work.dtype.bitCount / 8)
  }
}
