// SPDX-License-Identifier: Apache-2.0
// Writes a safetensors file: all tensors are declared first, so the header is known and data can be
// written in any order, from several threads, without holding more than what is being written.

import Basics
public import Tensors
internal import Synchronization

/// A safetensors file being written. The same declarations and data give the same bytes.
///
/// Tensors lie in order of falling alignment, then by name; the header is padded with blanks to a
/// multiple of 64 bytes, so every tensor starts at a multiple of its element size (mlx does not pad).
public final class SafetensorsWriter: Sendable {
  /// A tensor to be written.
  public struct Declaration: Sendable, Equatable {
    public var name: String
    public var dtype: DType
    public var shape: Shape

    public init(_ name: String, _ dtype: DType, _ shape: Shape) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
    }
  }

  /// Where a declared tensor goes; made by `place(of:)`.
  public struct Place: Sendable {
    fileprivate let offset: Int
    /// Size of the finished file in bytes.
    public let byteCount: Int
  }

  /// Path of the file being written.
  public let path: String
  /// Size of the finished file in bytes.
  public let byteCount: Int
  private let file: SharedFile
  private let places: [String: Place]
  private let remaining: Atomic<Int>
  /// Whether an earlier writer has left it: then how many bytes it had written is its user's business.
  private let isContinued: Bool

  /// Creates the file, writes its header and reserves its length.
  /// - Throws: `CheckpointProblem` when the file exists, cannot be written, or a declaration is impossible.
  public init(
    _ path: String, _ declarations: [Declaration], metadata: [(String, String)] = [("format", "pt")]
  ) throws(CheckpointProblem) {
    let (header, places, end) = try Self.layOut(path, declarations, metadata)
    self.path = path
    self.places = places
    self.byteCount = end
    self.remaining = Atomic(end - header.count)
    self.isContinued = false
    self.file = try asCheckpoint { () throws(FileProblem) in
      let file = try OpenFile.creating(path)
      try file.write(header.span, at: 0)
      try file.truncate(to: end)
      return SharedFile(file)
    }
  }

  /// Opens a file that an earlier writer of the same declarations has left unfinished.
  /// - Throws: `CheckpointProblem` when there is none, or one of other declarations.
  public init(
    goingOnAt path: String, _ declarations: [Declaration], metadata: [(String, String)] = [("format", "pt")]
  ) throws(CheckpointProblem) {
    let (header, places, end) = try Self.layOut(path, declarations, metadata)
    self.path = path
    self.places = places
    self.byteCount = end
    self.remaining = Atomic(0)
    self.isContinued = true
    self.file = try asCheckpoint { () throws(FileProblem) in
      let file = try OpenFile(path, flags: 2)  // O_RDWR
      var found = [UInt8](repeating: 0, count: header.count)
      guard try file.byteCount() == end, try file.read(into: &found, at: 0) == header.count, found == header else {
        throw .wrongKind(path: path, expected: "the file that was begun")
      }
      return SharedFile(file)
    }
  }

  /// Where the data of a declared tensor go.
  public func place(of name: String) -> Place {
    guard let place = places[name] else { preconditionFailure("\(name) was not declared") }
    return place
  }

  /// Writes a part of a tensor; may be called from any thread. Every byte is to be written exactly once.
  /// - Parameter offset: counted from the tensor's first byte.
  public func write(_ bytes: Span<UInt8>, to place: Place, at offset: Int = 0) throws(CheckpointProblem) {
    precondition(offset >= 0 && bytes.count <= place.byteCount - offset, "a write leaves its tensor")
    try asCheckpoint { () throws(FileProblem) in try file.file.write(bytes, at: place.offset + offset) }
    remaining.subtract(bytes.count, ordering: .relaxed)
  }

  /// Flushes the finished file to the disk.
  public func finish() throws(CheckpointProblem) {
    precondition(
      isContinued || remaining.load(ordering: .sequentiallyConsistent) == 0, "not every byte was written exactly once")
    try synchronize()
  }

  /// Forces what was written so far to the disk.
  public func synchronize() throws(CheckpointProblem) {
    try asCheckpoint { () throws(FileProblem) in try file.file.synchronize() }
  }

  /// The header's bytes, each tensor's place, and the file's length.
  private static func layOut(
    _ path: String, _ declarations: [Declaration], _ metadata: [(String, String)]
  ) throws(CheckpointProblem) -> ([UInt8], [String: Place], Int) {
    let ordered = declarations.sorted {
      $0.dtype.alignment != $1.dtype.alignment
        ? $0.dtype.alignment > $1.dtype.alignment : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    var fields = JSONObject()
    if !metadata.isEmpty {
      fields["__metadata__"] = .object(JSONObject(metadata.map { ($0.0, .string($0.1)) }))
    }
    var ranges: [(String, Range<Int>)] = []
    var reached = 0
    for tensor in ordered {
      guard let count = tensor.dtype.byteCount(elements: tensor.shape.elementCount),
        case let (end, overflow) = reached.addingReportingOverflow(count), !overflow, end < 1 << 60
      else {
        throw .tensor(file: path, name: printable(tensor.name), reason: "\(tensor.shape) is too large")
      }
      guard fields[tensor.name] == nil, tensor.name != "__metadata__" else {
        throw .tensor(file: path, name: printable(tensor.name), reason: "the name appears twice")
      }
      fields[tensor.name] = [
        "dtype": .string(tensor.dtype.rawValue), "shape": .array(tensor.shape.dimensions.map { JSONValue($0) }),
        "data_offsets": [JSONValue(reached), JSONValue(end)],
      ]
      ranges.append((tensor.name, reached..<end))
      reached = end
    }
    let text = JSONWriter.bytes(.object(fields))
    let length = (8 + text.count + 63) / 64 * 64 - 8
    guard length <= SafetensorsHeader.lengthLimit else {
      throw .malformed(file: path, reason: "the header would exceed \(SafetensorsHeader.lengthLimit) bytes")
    }
    var header = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    header += text
    header += repeatElement(UInt8(ascii: " "), count: length - text.count)
    let places = ranges.map { ($0.0, Place(offset: header.count + $0.1.lowerBound, byteCount: $0.1.count)) }
    return (header, Dictionary(uniqueKeysWithValues: places), header.count + reached)
  }
}

/// A descriptor that several threads write through: positional writes share no state.
private final class SharedFile: @unchecked Sendable {
  let file: OpenFile
  init(_ file: consuming OpenFile) { self.file = file }
}
