// SPDX-License-Identifier: Apache-2.0
// Folders with models in them, however they came there.

internal import Basics
internal import Checkpoints
internal import Store

/// Looks for models below a folder.
struct ModelFolder {
  let keeper: ModelKeeper
  let root: String

  /// Folders below each other that are looked into, and entries in all: enough for any collection, and an end for all else.
  private static let depthLimit = 5
  private static let entryLimit = 100_000

  /// Every model below the root. Links to folders are followed, each folder is looked into once.
  func models() -> [FoundModel] {
    var seen: Set<String> = []
    var entries = 0
    return look(root, depth: 0, &seen, &entries)
  }

  private func look(_ folder: String, depth: Int, _ seen: inout Set<String>, _ entries: inout Int) -> [FoundModel] {
    guard depth <= Self.depthLimit, let real = Files.resolved(folder), seen.insert(real).inserted,
      let names = try? Files.list(folder)
    else { return [] }
    var models = here(folder, names)
    for name in names where !name.hasPrefix(".") && Files.isFolder("\(folder)/\(name)") {
      entries += 1
      guard entries <= Self.entryLimit else { break }
      models += look("\(folder)/\(name)", depth: depth + 1, &seen, &entries)
    }
    return models
  }

  /// The models whose files lie in this folder itself.
  private func here(_ folder: String, _ names: [String]) -> [FoundModel] {
    var models: [FoundModel] = []
    if names.contains("config.json"), names.contains(where: { $0.hasSuffix(".safetensors") }) {
      models.append(snapshot(folder))
    }
    for name in names where name.lowercased().hasSuffix(".gguf") { models.append(gguf(folder, name)) }
    return models
  }

  private func snapshot(_ folder: String) -> FoundModel {
    let names = (try? Importing.files(of: folder)) ?? []
    let files = names.compactMap { Self.file($0, "\(folder)/\($0)") }
    let reason =
      files.count < names.count
      ? "some of its files cannot be read" : SnapshotCompleteness.fault(files)
    return FoundModel(
      keeper: keeper, title: title(folder), place: folder, reference: reference(folder, variant: nil),
      origin: Origin(source: title(folder)), form: reason.map { .unusable($0) } ?? .snapshot(files))
  }

  /// A regular file by its name; links to one are followed.
  static func file(_ path: String, _ source: String, _ expected: ContentName? = nil) -> FoundFile? {
    guard Files.isFile(source), let real = Files.resolved(source), let byteCount = try? Files.byteCount(real) else {
      return nil
    }
    return FoundFile(path: path, source: real, byteCount: byteCount, expected: expected)
  }

  private func gguf(_ folder: String, _ name: String) -> FoundModel {
    GGUFFiles.model(
      keeper, title: "\(title(folder))/\(name)", path: "\(folder)/\(name)", expected: nil,
      reference: reference(folder, variant: String(name.dropLast(5))), origin: Origin(source: name))
  }

  /// The last two parts of the path below the root: publisher and model.
  private func title(_ folder: String) -> String {
    let below = folder.hasPrefix("\(root)/") ? String(folder.dropFirst(root.count + 1)) : Files.name(of: folder)
    return below.split(separator: "/").suffix(2).joined(separator: "/")
  }

  private func reference(_ folder: String, variant: String?) -> Reference? {
    let parts = title(folder).split(separator: "/").map(String.init)
    guard let name = parts.last else { return nil }
    return .adapted(
      organization: parts.count == 2 ? parts[0] : nil, name: name, variant: variant ?? Reference.mainVariant)
  }
}

/// Whether the files of a model are all there.
enum SnapshotCompleteness {
  /// What is missing; nil when nothing is, as far as the files tell.
  static func fault(_ files: [FoundFile]) -> String? {
    let byPath = Dictionary(files.map { ($0.path, $0) }) { first, _ in first }
    guard byPath["config.json"] != nil else { return "it has no config.json" }
    if let index = byPath[ShardIndex.fileName] {
      guard let listed = try? ShardIndex(path: index.source) else { return "its index of weights cannot be read" }
      let missing = listed.shards.filter { byPath[$0] == nil }
      return missing.first.map { "\($0) is missing\(missing.count > 1 ? " and \(missing.count - 1) more" : "")" }
    }
    return files.contains { $0.path.hasSuffix(".safetensors") } ? nil : "it has no safetensors"
  }
}

/// GGUF files as models.
enum GGUFFiles {
  static func model(
    _ keeper: ModelKeeper, title: String, path: String, expected: ContentName?, reference: Reference?, origin: Origin
  ) -> FoundModel {
    let name = Files.name(of: path).lowercased()
    let form: FoundModel.Form
    if name.contains("mmproj") {
      form = .unusable("a projector for images, which this program does not use")
    } else if isPart(name) {
      form = .unusable("one of several parts: only whole GGUF files are converted")
    } else if let file = ModelFolder.file(Files.name(of: path), path, expected) {
      form = .gguf(file)
    } else {
      form = .unusable("its file is missing or cannot be read")
    }
    return FoundModel(keeper: keeper, title: title, place: path, reference: reference, origin: origin, form: form)
  }

  /// `NAME-00001-of-00003.gguf`.
  private static func isPart(_ name: String) -> Bool {
    let words = name.dropLast(5).split(separator: "-").suffix(3)
    return words.count == 3 && words[words.startIndex + 1] == "of" && words.first?.count == 5 && words.last?.count == 5
      && words.first?.allSatisfy(\.isNumber) == true
  }
}
