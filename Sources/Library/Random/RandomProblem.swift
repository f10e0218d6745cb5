// SPDX-License-Identifier: Apache-2.0
// Why no random weights can be made.

public import Basics

/// A shape that random weights cannot be made for.
public enum RandomProblem: Problem, Equatable {
  /// Neither the name of a shape nor a file.
  case unknownShape(name: String, known: [String])
  /// The file is no JSON object.
  case noConfig(path: String)
  /// The config's number format is none that random weights are made in.
  case format(mode: String)

  public var code: String {
    switch self {
    case .unknownShape: "random.unknown-shape"
    case .noConfig: "random.no-config"
    case .format: "random.format"
    }
  }

  public var what: String {
    switch self {
    case .unknownShape(let name, _): "\(name.prefix(256)) is neither the name of a shape nor a config.json"
    case .noConfig(let path): "\(path) is no config.json"
    case .format(let mode): "random weights are not made in the format \"\(mode.prefix(64))\""
    }
  }

  public var why: String? {
    switch self {
    case .unknownShape(_, let known): "shapes with a name are \(known.joined(separator: ", "))"
    case .noConfig: "an object is needed"
    case .format: "they are affine, mxfp4, mxfp8, nvfp4 or bfloat16"
    }
  }

  public var remedy: String? {
    switch self {
    case .unknownShape, .noConfig: nil
    case .format: "choose a format with --bits or --mode"
    }
  }

  public var status: ExitStatus {
    switch self {
    case .unknownShape: .notFound
    case .noConfig: .mismatch
    case .format: .unsupported
    }
  }
}
