// SPDX-License-Identifier: Apache-2.0
// One safetensors file, mapped; opening it reads and checks the header only.

import Basics
public import Tensors

/// A safetensors file. Tensors may start at any byte (mlx writes unpadded headers).
public struct SafetensorsFile: Checkpoint {
  public let path: String
  public let metadata: [String: String]
  public let names: [String]
  private let entries: [String: TensorView]

  /// Path of the one file.
  public var files: [String] { [path] }

  /// Maps the file and checks its header by every rule of the format.
  /// - Throws: `CheckpointProblem` naming the file and, where one is at fault, the tensor.
  public init(_ path: String) throws(CheckpointProblem) {
    let file = try asCheckpoint { () throws(FileProblem) in try MappedFile(path) }
    let header = try SafetensorsHeader(file.bytes, file: path)
    var entries = Dictionary<String, TensorView>(minimumCapacity: header.entries.count)
    for (name, entry) in header.entries {
      do throws(TensorProblem) {
        entries[name] = try TensorView(
          dtype: entry.dtype, shape: entry.shape, file: file, offset: header.dataStart + entry.begin)
      } catch {
        throw .tensor(file: path, name: printable(name), reason: error.what)
      }
    }
    self.path = path
    self.entries = entries
    self.names = entries.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    self.metadata = header.metadata
  }

  /// The tensor of that name; nil when there is none.
  public func tensor(_ name: String) -> TensorView? { entries[name] }
}
