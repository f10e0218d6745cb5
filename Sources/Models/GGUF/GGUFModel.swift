// SPDX-License-Identifier: Apache-2.0
// A GGUF file seen as a model: what it must be called, and how its metadata are read.

internal import Basics
public import Checkpoints

/// A GGUF file of an architecture that can be written as a Hugging Face folder.
public struct GGUFModel: Sendable {
  /// The file.
  public let file: GGUFFile
  let family: GGUFFamily

  /// Reads which model it is.
  /// - Throws: `ModelProblem.unsupportedArchitecture` and `.unsupportedFeature` before any weight is touched.
  public init(_ file: GGUFFile) throws(ModelProblem) {
    self.file = file
    guard let name = file["general.architecture"]?.stringValue else {
      throw .invalidFile(path: file.path, reason: "general.architecture is missing")
    }
    guard let family = GGUFFamily.all[name] else {
      throw .unsupportedArchitecture(name: name, known: GGUFFamily.all.keys.sorted())
    }
    self.family = family
    if let parts = file["split.count"]?.intValue, parts > 1 {
      throw .unsupportedFeature(name: "a GGUF model in \(parts) files; join them with llama-gguf-split --merge")
    }
    if let type = file["general.type"]?.stringValue, type != "model" {
      throw .unsupportedFeature(name: "a GGUF file of type \"\(type.prefix(64))\"")
    }
  }

  /// What the file says about itself: name, licence and the like, as far as it does.
  public var card: [String: String] {
    var card: [String: String] = [:]
    for key in ["name", "organization", "license", "license.link", "size_label", "basename", "finetune", "url"] {
      card[key] = file["general.\(key)"]?.stringValue
    }
    return card
  }

  func problem(_ key: String, _ reason: String) -> ModelProblem {
    .invalidFile(path: file.path, reason: "\(key): \(reason)")
  }

  /// A value of the architecture's own section.
  func own(_ key: String) -> GGUFValue? { file["\(family.name).\(key)"] }

  /// A whole number of the architecture's own section; of an array whose entries agree, the entry.
  func optionalInt(_ key: String, in range: ClosedRange<Int>) throws(ModelProblem) -> Int? {
    guard let value = own(key) else { return nil }
    var number = value.intValue
    if let array = value.arrayValue {
      guard array.count <= Limits.layers, let all = array.integers, let first = all.first else {
        throw problem("\(family.name).\(key)", "not a list of whole numbers")
      }
      guard all.allSatisfy({ $0 == first }) else {
        throw .unsupportedFeature(name: "\(family.name).\(key) that differs from layer to layer")
      }
      number = first
    }
    guard let number, range.contains(number) else {
      throw problem("\(family.name).\(key)", "not a whole number within \(range.lowerBound)...\(range.upperBound)")
    }
    return number
  }

  func int(_ key: String, in range: ClosedRange<Int>) throws(ModelProblem) -> Int {
    guard let number = try optionalInt(key, in: range) else { throw problem("\(family.name).\(key)", "it is missing") }
    return number
  }

  func optionalDouble(_ key: String) throws(ModelProblem) -> Double? {
    guard let value = own(key) else { return nil }
    guard let number = value.doubleValue, number.isFinite else {
      throw problem("\(family.name).\(key)", "not a number")
    }
    return number
  }

  func double(_ key: String) throws(ModelProblem) -> Double {
    guard let number = try optionalDouble(key) else { throw problem("\(family.name).\(key)", "it is missing") }
    return number
  }

  /// The tensor of a name, as GGUF calls it.
  func require(_ name: String) throws(ModelProblem) -> GGUFFile.Tensor {
    guard let tensor = file.tensor(name) else { throw .missingTensor(name: name) }
    return tensor
  }
}
