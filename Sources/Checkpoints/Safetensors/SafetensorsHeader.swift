// SPDX-License-Identifier: Apache-2.0
// The header of a safetensors file: u64 length, then JSON {name: {dtype, shape, data_offsets}}.
//
// Rules of https://github.com/huggingface/safetensors#format, enforced before anything is allocated:
// header at most 100,000,000 bytes, starting with "{", padded with blanks only; offsets whole, in
// order, without overlap, hole or rest; sizes equal to shape times type; no name twice. Where the two
// common readers disagree we side with the stricter one.

internal import Basics
internal import Tensors

/// What a header says.
struct SafetensorsHeader {
  /// One tensor: where it lies, counted from the end of the header.
  struct Entry {
    var dtype: DType
    var shape: Shape
    var begin: Int
    var end: Int
  }

  static let lengthLimit = 100_000_000
  var entries: [String: Entry] = [:]
  var metadata: [String: String] = [:]
  /// Offset of the first data byte in the file.
  let dataStart: Int

  private let file: String

  /// Reads and checks the header of a whole file's bytes.
  init(_ bytes: Span<UInt8>, file: String) throws(CheckpointProblem) {
    self.file = file
    guard bytes.count >= 8 else {
      throw .malformed(file: file, reason: "\(bytes.count) bytes are too few for a safetensors file")
    }
    var length: UInt64 = 0
    for index in 0..<8 { length |= UInt64(bytes[index]) << (8 * UInt64(index)) }
    guard length <= UInt64(Self.lengthLimit) else {
      throw .malformed(file: file, reason: "a header of \(length) bytes where at most \(Self.lengthLimit) are read")
    }
    guard Int(length) <= bytes.count - 8 else {
      throw .malformed(
        file: file, reason: "the header has \(length) bytes, but the file ends after \(bytes.count - 8)")
    }
    dataStart = 8 + Int(length)
    let text = bytes.extracting(8..<dataStart)
    guard length > 0, text[0] == UInt8(ascii: "{") else {
      throw .malformed(file: file, reason: "the header does not begin with \"{\"")
    }
    do {
      try read(text)
    } catch let problem as CheckpointProblem {
      throw problem
    } catch {
      throw .malformed(file: file, reason: "header: \(error)")
    }
    try checkCoverage(dataByteCount: bytes.count - dataStart)
  }

  // The parts below throw `CheckpointProblem` where a rule of the format is broken and `JSONProblem`
  // where the text is no JSON; the initializer makes one of the two.

  private mutating func read(_ text: Span<UInt8>) throws {
    var cursor = JSONCursor(text)
    try cursor.expect(UInt8(ascii: "{"))
    var hasMetadata = false
    var isFirst = true
    while try next(&cursor, &isFirst, close: "}") {
      let name = try cursor.string()
      try cursor.expect(UInt8(ascii: ":"))
      if name == "__metadata__" {
        guard !hasMetadata else { throw fault("__metadata__ appears twice") }
        hasMetadata = true
        try readMetadata(&cursor)
      } else {
        let entry = try readEntry(&cursor, name)
        guard entries.updateValue(entry, forKey: name) == nil else { throw fault(name, "the name appears twice") }
      }
    }
    cursor.skipSpace()
    guard cursor.isAtEnd else { throw fault("something follows the header's JSON") }
  }

  private mutating func readMetadata(_ cursor: inout JSONCursor) throws {
    let value = try cursor.value(depth: 2, limits: .standard)
    if value.isNull { return }
    guard let object = value.objectValue else { throw fault("__metadata__ is not an object") }
    for (key, value) in object {
      guard let text = value.stringValue else { throw fault("__metadata__ holds something other than strings") }
      metadata[key] = text
    }
  }

  private func readEntry(_ cursor: inout JSONCursor, _ name: String) throws -> Entry {
    var dtype: DType?
    var shape: Shape?
    var offsets: [Int]?
    try cursor.expect(UInt8(ascii: "{"))
    var isFirst = true
    while try next(&cursor, &isFirst, close: "}") {
      let key = try cursor.string()
      try cursor.expect(UInt8(ascii: ":"))
      switch key {
      case "dtype":
        guard dtype == nil else { throw fault(name, "dtype appears twice") }
        let text = try cursor.string()
        guard let known = DType(rawValue: text) else { throw fault(name, "unknown dtype \"\(printable(text))\"") }
        dtype = known
      case "shape":
        guard shape == nil else { throw fault(name, "shape appears twice") }
        let sizes = try integers(&cursor, name, limit: Shape.rankLimit)
        do throws(TensorProblem) { shape = try Shape(sizes) } catch { throw fault(name, error.what) }
      case "data_offsets":
        guard offsets == nil else { throw fault(name, "data_offsets appears twice") }
        offsets = try integers(&cursor, name, limit: 2)
      default: _ = try cursor.value(depth: 16, limits: .standard)
      }
    }
    guard let dtype, let shape, let offsets else { throw fault(name, "dtype, shape or data_offsets is missing") }
    guard offsets.count == 2, offsets[1] >= offsets[0] else {
      throw fault(name, "data_offsets \(offsets) are no range")
    }
    guard let byteCount = dtype.byteCount(elements: shape.elementCount) else {
      throw fault(name, TensorProblem.byteCount(dtype: dtype, shape: shape).what)
    }
    guard byteCount == offsets[1] - offsets[0] else {
      throw fault(
        name,
        "\(shape) elements of \(dtype.rawValue) take \(byteCount) bytes, data_offsets say \(offsets[1] - offsets[0])")
    }
    return Entry(dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1])
  }

  /// A list of whole numbers, none negative.
  private func integers(_ cursor: inout JSONCursor, _ name: String, limit: Int) throws -> [Int] {
    try cursor.expect(UInt8(ascii: "["))
    var numbers: [Int] = []
    var isFirst = true
    while try next(&cursor, &isFirst, close: "]") {
      guard numbers.count < limit else { throw fault(name, "more than \(limit) numbers in a list") }
      guard case .integer(let number) = try cursor.number(), number >= 0 else {
        throw fault(name, "a size or offset is not a whole number of at least 0")
      }
      numbers.append(Int(number))
    }
    return numbers
  }

  /// Moves to the next item of a list or object; false once its closing bracket is passed.
  private func next(_ cursor: inout JSONCursor, _ isFirst: inout Bool, close: Unicode.Scalar) throws -> Bool {
    defer { isFirst = false }
    if isFirst { return try !cursor.take(UInt8(ascii: close)) }
    if try cursor.take(UInt8(ascii: ",")) { return true }
    try cursor.expect(UInt8(ascii: close))
    return false
  }

  /// Entries must cover the data exactly: no overlap, no hole, no rest.
  private func checkCoverage(dataByteCount: Int) throws(CheckpointProblem) {
    var reached = 0
    let ordered = entries.sorted { ($0.value.begin, $0.value.end, $0.key) < ($1.value.begin, $1.value.end, $1.key) }
    for (name, entry) in ordered {
      guard entry.end <= dataByteCount else {
        throw .tensor(
          file: file, name: printable(name),
          reason: "it ends at byte \(entry.end) of the data, which has \(dataByteCount): the file is cut short")
      }
      guard entry.begin >= reached else {
        throw .tensor(file: file, name: printable(name), reason: "its data overlap those of another tensor")
      }
      guard entry.begin == reached else {
        throw .tensor(
          file: file, name: printable(name), reason: "\(entry.begin - reached) bytes before it belong to no tensor")
      }
      reached = entry.end
    }
    guard reached == dataByteCount else {
      throw .malformed(file: file, reason: "\(dataByteCount - reached) bytes after the last tensor belong to none")
    }
  }

  private func fault(_ reason: String) -> CheckpointProblem { .malformed(file: file, reason: reason) }
  private func fault(_ name: String, _ reason: String) -> CheckpointProblem {
    .tensor(file: file, name: printable(name), reason: reason)
  }
}
