// SPDX-License-Identifier: Apache-2.0
// A GGUF file, versions 2 and 3, little-endian: metadata, tensor table, data.
//
// magic "GGUF", u32 version, u64 tensors, u64 keys; key = string, u32 type, value; tensor = string,
// u32 axes, u64 sizes with the fastest first, u32 type, u64 offset from the start of the data; data and
// each tensor begin at a multiple of general.alignment. Source: ggml's docs/gguf.md.

import Basics
public import Tensors

/// A GGUF file, mapped; opening it reads and checks everything before the data.
public struct GGUFFile: Sendable {
  /// One tensor of the table.
  public struct Tensor: Sendable {
    public let name: String
    public let type: GGUFType
    /// Outermost axis first, as everywhere in this program (the file says it the other way round).
    public let shape: Shape
    /// Where the data begin in the file.
    public let offset: Int
    public let byteCount: Int
    let file: GGUFBytes

    /// Tells the system that the file's pages are done with for now.
    public func releasePages() { file.mapped.advise(.dontNeed) }

    /// Bytes of one row (the last axis).
    public var rowByteCount: Int { shape.rowLength / type.blockSize * type.blockByteCount }

    /// The bytes, valid as long as the tensor is alive.
    public var bytes: Span<UInt8> {
      @_lifetime(borrow self)
      get {
        let span = file.mapped.bytes.extracting(offset..<(offset + byteCount))
        return unsafe _overrideLifetime(span, borrowing: self)
      }
    }
  }

  /// The first four bytes of every GGUF file.
  public static let magic: [UInt8] = Array("GGUF".utf8)
  private static let nameLimit = 64
  private static let keyLimit = 65535
  private static let axisLimit = 4

  /// Path of the file.
  public let path: String
  public let version: Int
  public let metadata: [String: GGUFValue]
  /// In the order of the file.
  public let tensors: [Tensor]
  private let places: [String: Int]

  /// The tensor of that name; nil when there is none.
  public func tensor(_ name: String) -> Tensor? { places[name].map { tensors[$0] } }
  /// The metadata value of a key; nil when there is none.
  public subscript(key: String) -> GGUFValue? { metadata[key] }

  /// Maps the file and checks its head: every count against the bytes that are left, every tensor's
  /// range against the file and against the others.
  /// - Throws: `CheckpointProblem`.
  public init(_ path: String) throws(CheckpointProblem) {
    let mapped = try asCheckpoint { () throws(FileProblem) in try MappedFile(path) }
    let file = GGUFBytes(mapped: mapped)
    var cursor = GGUFCursor(mapped.bytes, path: path)
    self.path = path
    version = try Self.readVersion(&cursor)
    let tensorCount = try cursor.count("tensors", itemSize: 24)
    let keyCount = try cursor.count("metadata keys", itemSize: 13)
    metadata = try Self.readMetadata(&cursor, keyCount, file)
    let alignment = try Self.alignment(metadata, cursor)
    var entries: [Entry] = []
    var places: [String: Int] = [:]
    for index in 0..<tensorCount {
      let entry = try Self.readEntry(&cursor)
      guard places.updateValue(index, forKey: entry.name) == nil else {
        throw .tensor(file: path, name: printable(entry.name), reason: "the name appears twice")
      }
      entries.append(entry)
    }
    let dataStart = (cursor.position + alignment - 1) / alignment * alignment
    tensors = try Self.place(entries, dataStart: dataStart, alignment: alignment, file: file)
    self.places = places
  }

  private static func readVersion(_ cursor: inout GGUFCursor) throws(CheckpointProblem) -> Int {
    for byte in magic {
      guard try cursor.unsigned(UInt8.self) == byte else { throw cursor.fault("it does not begin with \"GGUF\"") }
    }
    let version = try cursor.unsigned(UInt32.self)
    switch version {
    case 2, 3: return Int(version)
    case 1: throw .unsupported(file: cursor.path, feature: "GGUF version 1, replaced in 2023; convert the model anew")
    case 0x0200_0000, 0x0300_0000: throw .unsupported(file: cursor.path, feature: "a big-endian GGUF file")
    default: throw .unsupported(file: cursor.path, feature: "GGUF version \(version)")
    }
  }

  private static func readMetadata(
    _ cursor: inout GGUFCursor, _ count: Int, _ file: GGUFBytes
  ) throws(CheckpointProblem) -> [String: GGUFValue] {
    var metadata: [String: GGUFValue] = [:]
    for _ in 0..<count {
      let key = try cursor.string()
      guard !key.isEmpty, key.utf8.count <= keyLimit else {
        throw cursor.fault("a metadata key of \(key.utf8.count) bytes")
      }
      let type = try cursor.valueType()
      let value: GGUFValue = type == .array ? .array(try cursor.array(file)) : try cursor.scalar(type)
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw cursor.fault("the metadata key \"\(printable(key))\" appears twice")
      }
    }
    return metadata
  }

  private static func alignment(
    _ metadata: [String: GGUFValue], _ cursor: borrowing GGUFCursor
  ) throws(CheckpointProblem) -> Int {
    guard let value = metadata["general.alignment"] else { return 32 }
    guard let number = value.intValue, number > 0, number <= 1 << 20, number & (number - 1) == 0 else {
      throw cursor.fault("general.alignment is no power of two")
    }
    return number
  }

  /// A row of the tensor table.
  private struct Entry {
    var name: String
    var type: GGUFType
    var shape: Shape
    var offset: UInt64
    var byteCount: Int
  }

  private static func readEntry(_ cursor: inout GGUFCursor) throws(CheckpointProblem) -> Entry {
    let name = try cursor.string()
    func fault(_ reason: String) -> CheckpointProblem { .tensor(file: file, name: printable(name), reason: reason) }
    let file = cursor.path
    guard !name.isEmpty, name.utf8.count <= nameLimit else { throw fault("a name of \(name.utf8.count) bytes") }
    let axes = try cursor.unsigned(UInt32.self)
    guard axes <= axisLimit else { throw fault("\(axes) axes where at most \(axisLimit) are allowed") }
    var sizes: [Int] = []
    for _ in 0..<axes {
      let size = try cursor.unsigned(UInt64.self)
      guard let size = Int(exactly: size), size > 0 else { throw fault("an axis of \(size) elements") }
      sizes.insert(size, at: 0)
    }
    let number = try cursor.unsigned(UInt32.self)
    guard let type = GGUFType(rawValue: number) else {
      guard let known = GGUFType.unreadNames[number] else { throw fault("unknown type \(number)") }
      throw .unsupported(file: file, feature: "tensors of type \(known), such as \(printable(name))")
    }
    let shape: Shape
    do throws(TensorProblem) { shape = try Shape(sizes) } catch { throw fault(error.what) }
    guard shape.rowLength % type.blockSize == 0 else {
      throw fault("rows of \(shape.rowLength) are no whole blocks of \(type.blockSize) (\(type.name))")
    }
    let (byteCount, overflow) = (shape.elementCount / type.blockSize).multipliedReportingOverflow(
      by: type.blockByteCount)
    guard !overflow else { throw fault("its size overflows") }
    return Entry(
      name: name, type: type, shape: shape, offset: try cursor.unsigned(UInt64.self), byteCount: byteCount)
  }

  private static func place(
    _ entries: [Entry], dataStart: Int, alignment: Int, file: GGUFBytes
  ) throws(CheckpointProblem) -> [Tensor] {
    let path = file.mapped.path
    let dataByteCount = file.mapped.byteCount - dataStart
    for entry in entries {
      guard entry.offset % UInt64(alignment) == 0 else {
        throw .tensor(
          file: path, name: printable(entry.name), reason: "its offset \(entry.offset) is no multiple of \(alignment)")
      }
      guard dataByteCount >= entry.byteCount, entry.offset <= UInt64(dataByteCount - entry.byteCount) else {
        throw .tensor(
          file: path, name: printable(entry.name),
          reason: "\(entry.byteCount) bytes at \(entry.offset) of \(max(0, dataByteCount)): the file is cut short")
      }
    }
    let ordered = entries.sorted { $0.offset < $1.offset }
    for (first, second) in zip(ordered, ordered.dropFirst())
    where first.offset + UInt64(first.byteCount) > second.offset {
      throw .tensor(
        file: path, name: printable(second.name), reason: "its data overlap those of \"\(printable(first.name))\"")
    }
    return entries.map {
      Tensor(
        name: $0.name, type: $0.type, shape: $0.shape, offset: dataStart + Int($0.offset), byteCount: $0.byteCount,
        file: file)
    }
  }
}
