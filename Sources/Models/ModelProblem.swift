// SPDX-License-Identifier: Apache-2.0
// Why a folder cannot be opened as a model.

public import Basics

/// A config, or weights, that do not describe a model this program runs.
public enum ModelProblem: Problem, Equatable {
  /// The `model_type` of config.json has no description here.
  case unsupportedArchitecture(name: String, known: [String])
  /// The architecture makes embeddings, no text.
  case encoder(name: String)
  /// The architecture writes text, and nothing says how to make embeddings with it.
  case noEmbedder(name: String)
  /// An embedder has no prompt of this name.
  case noPrompt(name: String, known: [String])
  /// The architecture is known, but not with this setting.
  case unsupportedFeature(name: String)
  /// The folder holds no config.json or no weights.
  case notAModel(path: String, missing: String)
  /// A value of config.json that cannot be.
  case invalidConfig(key: String, reason: String)
  /// A tensor the architecture needs is not in the checkpoint.
  case missingTensor(name: String)
  /// A tensor has another shape than the architecture says.
  case wrongShape(name: String, expected: [Int], found: [Int])
  /// A tensor has an element type it cannot have.
  case wrongType(name: String, expected: String, found: String)
  /// A tensor's numbers cannot be.
  case invalidTensor(name: String, reason: String)
  /// The weights are quantized in a format that has to be converted first.
  case foreignQuantization(method: String)
  /// A value beside the weights (tokenizer, generation defaults) cannot be read.
  case invalidFile(path: String, reason: String)

  public var code: String {
    switch self {
    case .unsupportedArchitecture: "model.unsupported-architecture"
    case .encoder: "model.encoder"
    case .noEmbedder: "model.no-embedder"
    case .noPrompt: "model.no-prompt"
    case .unsupportedFeature: "model.unsupported-feature"
    case .notAModel: "model.not-a-model"
    case .invalidConfig: "model.invalid-config"
    case .missingTensor: "model.missing-tensor"
    case .wrongShape: "model.wrong-shape"
    case .wrongType: "model.wrong-type"
    case .invalidTensor: "model.invalid-tensor"
    case .foreignQuantization: "model.foreign-quantization"
    case .invalidFile: "model.invalid-file"
    }
  }

  public var what: String {
    switch self {
    case .unsupportedArchitecture(let name, _): "the architecture \"\(name.prefix(64))\" is not supported"
    case .encoder(let name): "a model of the architecture \"\(name)\" makes embeddings, no text"
    case .noEmbedder(let name): "a model of the architecture \"\(name.prefix(64))\" writes text and makes no embeddings"
    case .noPrompt(let name, _): "the model has no prompt \"\(name.prefix(64))\""
    case .unsupportedFeature(let name): "the model asks for something that is not supported: \(name)"
    case .notAModel(let path, _): "\(path) is not a model folder"
    case .invalidConfig(let key, _): "config.json has an invalid \(key)"
    case .missingTensor(let name): "the checkpoint has no tensor \(name)"
    case .wrongShape(let name, _, _): "the tensor \(name) has the wrong shape"
    case .wrongType(let name, _, _): "the tensor \(name) has the wrong type"
    case .invalidTensor(let name, _): "the tensor \(name) cannot be used"
    case .foreignQuantization(let method): "the weights are quantized by \(method), which is not computed with directly"
    case .invalidFile(let path, _): "\(path) cannot be used"
    }
  }

  public var why: String? {
    switch self {
    case .unsupportedArchitecture(_, let known): "supported are \(known.joined(separator: ", "))"
    case .unsupportedFeature, .encoder, .foreignQuantization: nil
    case .noPrompt(_, let known):
      known.isEmpty ? "it has none" : "its prompts are \(known.map { String($0.prefix(64)) }.joined(separator: ", "))"
    case .noEmbedder: "there is no modules.json, which would say how to join the states of its tokens"
    case .notAModel(_, let missing): "\(missing) is missing"
    case .invalidConfig(_, let reason), .invalidFile(_, let reason), .invalidTensor(_, let reason): reason
    case .missingTensor: "the architecture in config.json needs it"
    case .wrongShape(_, let expected, let found): "expected \(expected), found \(found)"
    case .wrongType(_, let expected, let found): "expected \(expected), found \(found)"
    }
  }

  public var remedy: String? {
    switch self {
    case .missingTensor, .wrongShape, .wrongType: "check the files with `impetus verify`, then pull the model again"
    case .encoder: "use `impetus embed`"
    case .noEmbedder: "use a model that was trained for embeddings, or `impetus run`"
    case .foreignQuantization: "make a variant in MLX's layout: impetus convert MODEL"
    default: nil
    }
  }

  public var status: ExitStatus {
    switch self {
    case .unsupportedArchitecture, .unsupportedFeature, .encoder, .noEmbedder, .foreignQuantization: .unsupported
    case .notAModel, .noPrompt: .notFound
    default: .mismatch
    }
  }
}
