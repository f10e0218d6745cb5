// SPDX-License-Identifier: Apache-2.0
// A tensor where it lies: in a mapped file that stays mapped as long as a view of it is alive.

public import Basics

/// A tensor's type, shape and bytes inside a mapped file. Row-major, little-endian; the bytes may
/// start at any address, so elements are read with unaligned loads.
public struct TensorView: Sendable {
  public let dtype: DType
  public let shape: Shape
  /// The file the bytes lie in.
  public let file: MappedFile
  /// Where the bytes begin in the file.
  public let offset: Int
  public let byteCount: Int

  /// A view of `file` from `offset` on.
  /// - Throws: `TensorProblem.byteCount` when the elements do not fill whole bytes.
  /// - Precondition: the bytes lie within the file; readers check that against their own tables.
  public init(dtype: DType, shape: Shape, file: MappedFile, offset: Int) throws(TensorProblem) {
    guard let count = dtype.byteCount(elements: shape.elementCount) else {
      throw .byteCount(dtype: dtype, shape: shape)
    }
    precondition(offset >= 0 && count <= file.byteCount - offset, "a view leaves its file")
    self.dtype = dtype
    self.shape = shape
    self.file = file
    self.offset = offset
    self.byteCount = count
  }

  /// The bytes, valid as long as the view is alive.
  public var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let span = file.bytes.extracting(offset..<(offset + byteCount))
      // The file is a constant of this view, so it lives as long as the view does.
      return _overrideLifetime(span, borrowing: self)
    }
  }

  /// Address of the first byte for C, unaligned; valid as long as the view is alive, nil when empty.
  public var unsafeBase: UnsafeRawPointer? { byteCount == 0 ? nil : file.unsafeBase.map { $0 + offset } }

  /// Calls `body` with the bytes.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withExtendedLifetime(file) { () throws(Failure) -> Result in
      try body(UnsafeRawBufferPointer(start: unsafeBase, count: byteCount))
    }
  }

  /// Bytes of one row (the last axis); nil when rows do not end at whole bytes.
  public var rowByteCount: Int? { dtype.byteCount(elements: shape.rowLength) }

  /// All elements as float32.
  /// - Throws: `TensorProblem.notNumbers` for types that are no plain numbers.
  public func floats() throws(TensorProblem) -> [Float] {
    guard FloatReading.reads(dtype) else { throw .notNumbers(dtype) }
    return [Float](unsafeUninitializedCapacity: shape.elementCount) { buffer, count in
      withUnsafeBytes { FloatReading.read($0, as: dtype, into: UnsafeMutableBufferPointer(rebasing: buffer[...])) }
      count = shape.elementCount
    }
  }
}
