// SPDX-License-Identifier: Apache-2.0
// A set of named tensors, in one file or in several, whatever the format.

public import Tensors

/// Named tensors that can be viewed without reading them.
public protocol Checkpoint: Sendable {
  /// Names of all tensors, sorted by their bytes.
  var names: [String] { get }
  /// Text notes of the file (`__metadata__`); of several files, those of the first.
  var metadata: [String: String] { get }
  /// Paths of the files the tensors lie in.
  var files: [String] { get }
  /// The tensor of that name; nil when there is none.
  func tensor(_ name: String) -> TensorView?
}

extension Checkpoint {
  /// The tensor of that name.
  /// - Throws: `CheckpointProblem.missingTensor` when there is none.
  public func require(_ name: String) throws(CheckpointProblem) -> TensorView {
    guard let view = tensor(name) else {
      throw .missingTensor(name: printable(name), place: files.first ?? "the checkpoint")
    }
    return view
  }

  /// Whether a tensor of that name exists.
  public func has(_ name: String) -> Bool { tensor(name) != nil }
}
