// SPDX-License-Identifier: Apache-2.0
// What differs between two models: settings, tokenizer, chat template, weights, and any other file.

public import Basics
internal import Checkpoints

/// The differences of two models.
public struct Comparison: Sendable {
  /// A file that differs.
  public struct FileChange: Sendable, Equatable {
    /// Its path.
    public let path: String
    /// What each side has; nil where there is none.
    public let left: ComparedModel.File?
    public let right: ComparedModel.File?
  }

  /// A chat template that differs.
  public struct TemplateChange: Sendable, Equatable {
    /// Its name; `default` is the one in use.
    public let name: String
    /// All lines of both.
    public let lines: [LineChange]
  }

  /// Files of other content, and those that one side has not.
  public var files: [FileChange] = []
  /// Files of the same content.
  public var sameFileCount = 0
  /// Differences by document: config.json and generation_config.json.
  public var settings: [String: JSONDifference] = [:]
  /// Differences by document of the tokenizer's files.
  public var tokenizer: [String: JSONDifference] = [:]
  /// Chat templates that differ.
  public var templates: [TemplateChange] = []
  /// Tensors; nil when the weights of a side are not here or are no safetensors.
  public var tensors: TensorComparison?

  /// Whether there is no difference at all.
  public var isSame: Bool { files.isEmpty }
  /// Whether what a model is told, or code that comes with it, differs: to be looked at before it is used.
  public var changesBehaviour: Bool {
    !templates.isEmpty || files.contains { $0.path.hasSuffix(".py") }
  }
}

/// The use case of `impetus diff`.
public struct Comparing: Sendable {
  private let left: ComparedModel
  private let right: ComparedModel

  private static let settings = ["config.json", "generation_config.json"]
  private static let tokenizerFiles = [
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json", "vocab.json",
  ]

  public init(_ left: ComparedModel, _ right: ComparedModel) {
    self.left = left
    self.right = right
  }

  /// Compares. Blocks its thread until done.
  /// - Parameter progress: bytes of weights read and in all.
  public func run(
    threads: Int, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> Comparison {
    var comparison = Comparison()
    let paths = Set(left.files.keys).union(right.files.keys)
    for path in paths.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      let (one, other) = (left.files[path], right.files[path])
      if one == other {
        comparison.sameFileCount += 1
      } else {
        comparison.files.append(Comparison.FileChange(path: path, left: one, right: other))
      }
    }
    let changed = Set(comparison.files.map(\.path))
    comparison.settings = differences(Self.settings, changed)
    comparison.tokenizer = differences(Self.tokenizerFiles, changed)
    let (one, other) = (left.templates, right.templates)
    for name in Set(one.keys).union(other.keys).sorted() where one[name] != other[name] {
      comparison.templates.append(
        Comparison.TemplateChange(name: name, lines: LineDifference.between(one[name] ?? "", other[name] ?? "")))
    }
    if let folder = left.folder, let otherFolder = right.folder,
      let one = try? openCheckpoint(folder: folder), let other = try? openCheckpoint(folder: otherFolder)
    {
      let digests = left.fileDigests.merging(right.fileDigests) { first, _ in first }
      comparison.tensors = try TensorComparing(left: one, right: other, fileDigests: digests)
        .run(threads: threads, progress: progress, isCancelled: isCancelled)
    }
    return comparison
  }

  /// The differences of documents among the changed files; templates have a part of their own.
  private func differences(_ names: [String], _ changed: Set<String>) -> [String: JSONDifference] {
    func plain(_ document: JSONValue?) -> JSONValue? {
      guard var object = document?.objectValue else { return document }
      object["chat_template"] = nil
      return .object(object)
    }
    var found: [String: JSONDifference] = [:]
    for name in names where changed.contains(name) {
      let difference = JSONDifference(plain(left.document(name)), plain(right.document(name)))
      if difference.count > 0 { found[name] = difference }
    }
    return found
  }
}

extension Comparison {
  /// The contract of `diff --json` and `update --diff --json`.
  public var json: JSONObject {
    func file(_ file: ComparedModel.File?) -> JSONValue {
      guard let file else { return .null }
      return ["digest": .string(file.mark), "size_bytes": .integer(Int64(file.byteCount))]
    }
    func documents(_ differences: [String: JSONDifference]) -> JSONValue {
      var object = JSONObject()
      for (name, difference) in differences.sorted(by: { $0.key < $1.key }) {
        object[name] = [
          "count": .integer(Int64(difference.count)), "changes": .array(difference.changes.map(\.json)),
        ]
      }
      return .object(object)
    }
    var object: JSONObject = ["same": .bool(isSame), "same_files": .integer(Int64(sameFileCount))]
    object["files"] = .array(
      files.map { ["path": .string($0.path), "left": file($0.left), "right": file($0.right)] })
    object["config"] = documents(settings)
    object["tokenizer"] = documents(tokenizer)
    object["templates"] = .array(
      templates.map { change in
        [
          "name": .string(change.name),
          "lines": .array(LineDifference.excerpt(change.lines).compactMap(\.self).map { .string($0.text) }),
        ]
      })
    object["tensors"] =
      tensors.map { tensors in
        [
          "same": .integer(Int64(tensors.sameCount)),
          "changes": .array(
            tensors.changes.map {
              ["name": .string($0.name), "left": $0.left?.json ?? .null, "right": $0.right?.json ?? .null]
            }),
        ]
      } ?? .null
    return object
  }
}
