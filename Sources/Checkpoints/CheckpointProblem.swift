// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a checkpoint. Files come from strangers: every case names the file and,
// where one is concerned, the tensor.

public import Basics

/// A checkpoint that cannot be read or written.
public enum CheckpointProblem: Problem, Equatable {
  /// A file operation failed.
  case file(FileProblem)
  /// The folder holds no weights of a known format.
  case noWeights(folder: String)
  /// A file as a whole breaks its format.
  case malformed(file: String, reason: String)
  /// One tensor's entry breaks the format.
  case tensor(file: String, name: String, reason: String)
  /// The index of a sharded checkpoint contradicts itself or its files.
  case index(file: String, reason: String)
  /// A tensor that is needed does not exist.
  case missingTensor(name: String, place: String)
  /// The file is valid and uses something that is not read here.
  case unsupported(file: String, feature: String)

  public var code: String {
    switch self {
    case .file(let problem): problem.code
    case .noWeights: "checkpoint.no-weights"
    case .malformed: "checkpoint.malformed"
    case .tensor: "checkpoint.tensor"
    case .index: "checkpoint.index"
    case .missingTensor: "checkpoint.missing-tensor"
    case .unsupported: "checkpoint.unsupported"
    }
  }

  public var what: String {
    switch self {
    case .file(let problem): problem.what
    case .noWeights(let folder): "no weights in \(folder)"
    case .malformed(let file, _): "\(file) is damaged or no valid file of its kind"
    case .tensor(let file, let name, _): "the tensor \"\(name)\" in \(file) cannot be read"
    case .index(let file, _): "\(file) does not fit its checkpoint"
    case .missingTensor(let name, let place): "the tensor \"\(name)\" is missing in \(place)"
    case .unsupported(let file, _): "\(file) uses something that is not supported"
    }
  }

  public var why: String? {
    switch self {
    case .file(let problem): problem.why
    case .noWeights: "neither model.safetensors, nor an index of shards, nor another .safetensors file"
    case .malformed(_, let reason), .tensor(_, _, let reason), .index(_, let reason): reason
    case .missingTensor: nil
    case .unsupported(_, let feature): feature
    }
  }

  public var remedy: String? {
    switch self {
    case .file(let problem): problem.remedy
    case .noWeights: nil
    case .malformed, .tensor, .index, .missingTensor: "fetch the file again, or ask who made it"
    case .unsupported: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .file(let problem): problem.status
    case .noWeights: .notFound
    case .malformed, .tensor, .index, .missingTensor: .mismatch
    case .unsupported: .unsupported
    }
  }
}

/// A name from a file, cut and with control characters escaped, so that it can be shown on a terminal.
package func printable(_ name: String) -> String {
  var result = ""
  for scalar in name.unicodeScalars.prefix(96) {
    let isControl = scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
    result += isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
  }
  return result.utf8.count < name.utf8.count && name.unicodeScalars.count > 96 ? result + "…" : result
}

/// Runs a file operation, its problem becoming this module's.
package func asCheckpoint<Result: ~Copyable>(
  _ body: () throws(FileProblem) -> Result
) throws(CheckpointProblem) -> Result {
  do throws(FileProblem) { return try body() } catch { throw .file(error) }
}
