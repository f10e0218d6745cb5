// SPDX-License-Identifier: Apache-2.0
// Recipes, as provenance and lock files record them, that can be carried out again: from the source, and from files beside
// the stores where somebody has pointed at them.

internal import Basics
internal import Models
internal import Quantization
internal import Store
internal import Tensors

/// What a recipe needs and does not find.
struct LackingMaterial: Error {
  let why: String
}

/// What was done to make a model from another, or from files.
enum RepeatableRecipe {
  case quantize(Quantizing.Recipe)
  case convert
  /// Folders of the adapters.
  case fuse([String])
  case gguf(String, DType)

  /// - Parameters:
  ///   - inputs: what was read when it was carried out first.
  ///   - materials: files beside the stores.
  init(_ recipe: JSONObject, inputs: [Provenance.Input], _ materials: Materials) throws(LackingMaterial) {
    let method = recipe["method"]?.stringValue ?? ""
    switch method {
    case Quantizing.method:
      guard let settings = Self.settings(recipe["quantization"]) else {
        throw LackingMaterial(why: "the bits and groups of its recipe are not understood")
      }
      self = .quantize(settings)
    case Fusing.method:
      let folders = AdapterInputs.adapters(inputs).map { materials.folder(holding: $0) }
      guard !folders.isEmpty, folders.count == recipe["adapters"]?.intValue, !folders.contains(nil) else {
        throw LackingMaterial(why: "its adapters are needed; --input FOLDER names them")
      }
      self = .fuse(folders.compactMap(\.self))
    case GGUFConverting.method:
      let dtype = recipe["dtype"]?.stringValue.flatMap { DType(rawValue: $0) }
      guard let dtype, dtype.torchName != nil, inputs.count == 1, let path = materials.file(inputs[0].digest) else {
        throw LackingMaterial(why: "\(inputs.first?.path ?? "its GGUF file") is needed; --input FILE names it")
      }
      self = .gguf(path, dtype)
    case _ where method.hasPrefix(ForeignConverting.methodPrefix): self = .convert
    default: throw LackingMaterial(why: "its recipe \"\(method.prefix(64))\" is not known")
    }
  }

  /// Whether it is carried out on a model's folder.
  var needsBase: Bool { if case .gguf = self { false } else { true } }

  /// The files of the adapters that it adds.
  func adapters() throws -> [Provenance.Input] {
    guard case .fuse(let folders) = self else { return [] }
    return try AdapterInputs.all(of: try folders.map { try Adapter.open($0) })
  }

  /// Bits and groups: the standard, then every module that differs.
  private static func settings(_ json: JSONValue?) -> Quantizing.Recipe? {
    func format(_ value: JSONValue?) -> Affine? {
      guard let bits = value?["bits"]?.intValue, let group = value?["group_size"]?.intValue else { return nil }
      return try? Affine(bits: bits, groupSize: group)
    }
    guard let standard = format(json) else { return nil }
    let overrides = (json?.objectValue ?? JSONObject()).compactMap { key, value in
      format(value).map { Policy.Override(suffix: key, format: $0) }
    }
    return Quantizing.Recipe(standard, overrides: overrides)
  }

  /// Makes the folder. Blocks its thread until done.
  /// - Parameter source: the base's folder; of no meaning to a recipe that needs none.
  func write(
    from source: String, to target: String, threads: Int, progress: @escaping @Sendable (FolderProgress) -> Void,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> MadeFolder {
    switch self {
    case .quantize(let recipe):
      let made = try Quantizing(folder: source, recipe: recipe).write(
        to: target, threads: threads, progress: progress, isCancelled: isCancelled)
      return MadeFolder(files: made.files, recipe: made.recipe)
    case .convert:
      guard let converting = try ForeignConverting(folder: source) else {
        throw ImportProblem.nothingToConvert(name: source)
      }
      return try converting.write(to: target, threads: threads, progress: progress, isCancelled: isCancelled)
    case .fuse(let folders):
      return try Fusing(folder: source, adapters: try folders.map { try Adapter.open($0) }).write(
        to: target, threads: threads, progress: progress, isCancelled: isCancelled)
    case .gguf(let path, let dtype):
      return try GGUFConverting(path: path, dtype: dtype).write(
        to: target, threads: threads, progress: progress, isCancelled: isCancelled)
    }
  }
}
