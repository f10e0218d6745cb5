// SPDX-License-Identifier: Apache-2.0
// Safetensors files as bytes, right or wrong on purpose.

/// Builds safetensors files without checking anything.
public enum SafetensorsBuilder {
  /// A header's JSON and the data behind it.
  /// - Parameter length: what the length field says; nil for the truth.
  public static func file(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
    let text = Array(header.utf8)
    return littleEndian(length ?? UInt64(text.count)) + text + data
  }

  /// A right file with float32 tensors, one after the other.
  public static func floats(_ tensors: [(name: String, shape: [Int], values: [Float])]) -> [UInt8] {
    var entries: [String] = []
    var data: [UInt8] = []
    for tensor in tensors {
      let begin = data.count
      for value in tensor.values { data += littleEndian(value.bitPattern) }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      entries.append(
        #""\#(tensor.name)":{"dtype":"F32","shape":[\#(shape)],"data_offsets":[\#(begin),\#(data.count)]}"#)
    }
    return file("{" + entries.joined(separator: ",") + "}", data: data)
  }
}

/// The bytes of a number, least significant first.
public func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> Number($0 * 8)) }
}
