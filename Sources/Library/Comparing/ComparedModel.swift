// SPDX-License-Identifier: Apache-2.0
// One side of a comparison: the files of a model with their digests, and the texts among them.

public import Basics
internal import Checkpoints
internal import Store

/// A model to be compared.
public struct ComparedModel: Sendable {
  /// A file of it.
  public struct File: Sendable, Equatable {
    /// SHA-256 of the content, or what the hub knows it by; equal marks mean equal contents.
    public var mark: String
    /// Size in bytes.
    public var byteCount: Int

    public init(mark: String, byteCount: Int) {
      self.mark = mark
      self.byteCount = byteCount
    }
  }

  /// What it is called.
  public let name: String
  /// The manifest's digest, for a model of a store.
  public let digest: Digest?
  /// Its files by path.
  public let files: [String: File]
  /// The content of a small file; nil when it is not here.
  let read: @Sendable (String) -> [UInt8]?
  /// The folder with the weights; nil when they are not here.
  let folder: String?

  /// Largest text that is compared line by line or value by value.
  static let textLimit = 64 << 20

  public init(
    name: String, digest: Digest?, files: [String: File], folder: String?,
    read: @escaping @Sendable (String) -> [UInt8]?
  ) {
    self.name = name
    self.digest = digest
    self.files = files
    self.folder = folder
    self.read = read
  }

  /// A model of a store, or a folder, whose files are hashed.
  public init(_ model: LocatedModel) throws {
    let folder = model.folder
    var files: [String: File] = [:]
    if let stored = model.stored {
      for file in stored.manifest.files {
        files[file.path] = File(mark: file.digest.description, byteCount: file.byteCount)
      }
    } else {
      for input in try Derivation.inputs(of: folder) {
        files[input.path] = File(
          mark: input.digest.description, byteCount: try Files.byteCount("\(folder)/\(input.path)"))
      }
    }
    self.init(name: model.name, digest: model.stored?.digest, files: files, folder: folder) { path in
      try? Files.read("\(folder)/\(path)", limit: Self.textLimit)
    }
  }

  /// A file as JSON; nil when it is missing or none.
  func document(_ path: String) -> JSONValue? {
    guard files[path] != nil, let bytes = read(path) else { return nil }
    return try? JSONReader.parse(
      bytes, limits: JSONLimits(depth: 64, byteCount: Self.textLimit, duplicateKeys: .lastWins))
  }

  /// The chat templates by name, `default` being the one in use.
  var templates: [String: String] {
    var found: [String: String] = [:]
    let setting = document("tokenizer_config.json")?["chat_template"]
    if let text = setting?.stringValue { found["default"] = text }
    for entry in setting?.arrayValue ?? [] {
      if let name = entry["name"]?.stringValue, let text = entry["template"]?.stringValue { found[name] = text }
    }
    for path in files.keys where path.hasSuffix(".jinja") {
      guard let bytes = read(path) else { continue }
      let name = path == "chat_template.jinja" ? "default" : Files.name(of: String(path.dropLast(6)))
      found[name] = String(decoding: bytes, as: UTF8.self)
    }
    return found
  }

  /// The digests of its weights by their paths, where they are in the folder.
  var fileDigests: [String: Digest] {
    guard let folder else { return [:] }
    var found: [String: Digest] = [:]
    for (path, file) in files { found["\(folder)/\(path)"] = Digest(file.mark) }
    return found
  }
}
