// SPDX-License-Identifier: Apache-2.0
// Why a file is not imported.

public import Basics

/// A problem of an import, beyond those of the formats themselves.
public enum ImportProblem: Problem, Equatable {
  /// There is no model in it, or more than one.
  case noModel(path: String, candidates: [String])
  /// Weights without their description.
  case noConfig(path: String)
  /// Its bytes are not those that were expected.
  case otherDigest(path: String, expected: String, found: String)
  /// A folder, or a pipe, has no digest.
  case nothingToCompare(path: String)
  /// No name can be made of the file's.
  case noName(String)
  /// The model is in no format that would have to be converted.
  case nothingToConvert(name: String)
  /// The disk has too little room.
  case noRoom(needed: Int, free: Int, folder: String)

  public var code: String {
    switch self {
    case .noModel: "import.no-model"
    case .noConfig: "import.no-config"
    case .otherDigest: "import.other-digest"
    case .nothingToCompare: "import.nothing-to-compare"
    case .noName: "import.no-name"
    case .nothingToConvert: "import.nothing-to-convert"
    case .noRoom: "import.no-room"
    }
  }

  public var what: String {
    switch self {
    case .noModel(let path, let candidates):
      candidates.isEmpty ? "there is no model in \(path)" : "there are several models in \(path)"
    case .noConfig(let path): "\(path) has no config.json beside it"
    case .otherDigest(let path, _, _): "\(path) is not the file that was expected"
    case .nothingToCompare(let path): "\(path) is no file and has no SHA-256 to compare"
    case .noName(let text): "no model name can be made of \"\(text.prefix(80))\""
    case .nothingToConvert(let name): "there is nothing to convert in \(name)"
    case .noRoom: "there is no room for the model"
    }
  }

  public var why: String? {
    switch self {
    case .noModel(_, let candidates):
      candidates.isEmpty
        ? "neither a GGUF file nor a folder with config.json and safetensors"
        : candidates.prefix(8).joined(separator: ", ")
    case .noConfig: "weights alone do not say what model they are"
    case .otherDigest(_, let expected, let found): "its SHA-256 is \(found), not \(expected)"
    case .nothingToConvert: "it was not quantized by GPTQ, AWQ, compressed-tensors or to 8-bit floats"
    case .nothingToCompare, .noName: nil
    case .noRoom(let needed, let free, let folder):
      "\(needed >> 20) MiB are needed and \(free >> 20) MiB are free in \(folder)"
    }
  }

  public var remedy: String? {
    switch self {
    case .noModel: "unpack it and import the file or folder you mean"
    case .noConfig: "put the model's config.json and tokenizer beside it"
    case .otherDigest: "download the file again, or check where it comes from"
    case .nothingToCompare: "leave --expect-sha256 out"
    case .noName: "give one with --name"
    case .nothingToConvert: "use it as it is: impetus run MODEL"
    case .noRoom: "free some disk space, or choose another store with --store"
    }
  }

  public var status: ExitStatus {
    switch self {
    case .noModel, .noConfig: .notFound
    case .otherDigest: .mismatch
    case .nothingToCompare, .noName, .nothingToConvert: .usage
    case .noRoom: .doesNotFit
    }
  }
}
