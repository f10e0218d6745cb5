// SPDX-License-Identifier: Apache-2.0
// Recipes, as provenance and lock files record them, that can be carried out again from the source alone.

internal import Basics
internal import Models
internal import Quantization

/// What was done to make a model from another.
enum RepeatableRecipe {
  case quantize(Quantizing.Recipe)
  case convert

  /// Nil for a recipe that needs more than the source, such as adapters.
  init?(_ recipe: JSONObject) {
    switch recipe["method"]?.stringValue {
    case Quantizing.method:
      guard let settings = Self.settings(recipe["quantization"]) else { return nil }
      self = .quantize(settings)
    case let method? where method.hasPrefix(ForeignConverting.methodPrefix): self = .convert
    default: return nil
    }
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
    }
  }
}
