// SPDX-License-Identifier: Apache-2.0
// Why a tokenizer cannot be used.

public import Basics

/// A tokenizer file that is missing, broken, or asks for something unknown.
public enum TokenizerProblem: Problem, Equatable {
  /// The folder holds no tokenizer file.
  case missing(folder: String)
  /// The file is not what its format says; `place` names the part.
  case malformed(path: String, place: String, why: String)
  /// A component this program does not know.
  case unsupported(component: String, kind: String)
  /// The file could not be read.
  case file(FileProblem)
  /// The file is not JSON.
  case json(path: String, JSONProblem)

  public var code: String {
    switch self {
    case .missing: "tokenizer.missing"
    case .malformed: "tokenizer.malformed"
    case .unsupported: "tokenizer.unsupported"
    case .file(let problem): problem.code
    case .json: "tokenizer.json"
    }
  }

  public var what: String {
    switch self {
    case .missing(let folder): "no tokenizer in \(folder)"
    case .malformed(let path, let place, _): "\(path): \(place) is malformed"
    case .unsupported(let component, let kind):
      "the tokenizer asks for the \(component) \"\(kind.prefix(64))\", which is not supported"
    case .file(let problem): problem.what
    case .json(let path, let problem): "\(path): \(problem.what)"
    }
  }

  public var why: String? {
    switch self {
    case .missing: "it holds neither tokenizer.json nor tokenizer.model, tekken.json or a .tiktoken file"
    case .malformed(_, _, let why): why
    case .file(let problem): problem.why
    case .json(_, let problem): problem.why
    case .unsupported: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .missing: .notFound
    case .malformed, .json: .mismatch
    case .unsupported: .unsupported
    case .file(let problem): problem.status
    }
  }
}
