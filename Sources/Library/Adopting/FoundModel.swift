// SPDX-License-Identifier: Apache-2.0
// A model that another program keeps on this machine.

internal import Basics
public import Store

/// A program that keeps models.
public enum ModelKeeper: String, Sendable, CaseIterable {
  /// The hub's Python client, and everything that uses its cache: transformers, mlx-lm, vLLM, newer llama.cpp.
  case huggingFace = "hf"
  case llamaCpp = "llama.cpp"
  case ollama
  case lmStudio = "lmstudio"
  /// Folders that mlx-lm has converted, Swift's MLX has downloaded, or that were named.
  case folders
}

/// A file of such a model.
public struct FoundFile: Sendable, Equatable {
  /// Its place in the model.
  public var path: String
  /// The regular file with its content.
  public var source: String
  public var byteCount: Int
  /// The hash under which its keeper has it; nil when nothing tells.
  public var expected: ContentName?
}

/// A model, and whether it can be had from there.
public struct FoundModel: Sendable, Equatable {
  /// What it consists of.
  public enum Form: Sendable, Equatable {
    /// config.json, safetensors and what belongs to them: taken file by file.
    case snapshot([FoundFile])
    /// One GGUF file: its weights would have to be converted.
    case gguf(FoundFile)
    /// Not to be had, and why.
    case unusable(String)
  }

  /// The program that has it.
  public var keeper: ModelKeeper
  /// What its keeper calls it, and where it lies.
  public var title: String
  public var place: String
  /// What it would be called here; nil when nothing can be made of its name.
  public var reference: Reference?
  public var origin: Origin
  public var form: Form

  /// Bytes of its files.
  public var byteCount: Int {
    switch form {
    case .snapshot(let files): files.reduce(0) { $0 + $1.byteCount }
    case .gguf(let file): file.byteCount
    case .unusable: 0
    }
  }
}

extension Reference {
  /// A name made of what another program calls a model; nil when nothing remains of it.
  static func adapted(organization: String? = nil, name: String, variant: String = mainVariant) -> Reference? {
    func plain(_ text: String) -> String {
      let letters = text.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" }
      var part = String(letters.drop { $0 == "-" || $0 == "." }.prefix(96))
      while part.hasSuffix(".") { part.removeLast() }
      return part
    }
    return try? Reference(
      organization: organization.map(plain), name: plain(name),
      variant: plain(variant).isEmpty ? mainVariant : plain(variant))
  }
}
