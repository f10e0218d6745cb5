// SPDX-License-Identifier: Apache-2.0
// impetus.lock: which models, from where, made how, and the SHA-256 of every file. The same models give the same bytes of
// it on every machine (docs/store.md).

public import Basics
public import Store

/// A file of a locked model.
public struct LockedFile: Sendable, Equatable {
  /// Its path in the model's folder.
  public var path: String
  /// Its size; nil for inputs, of which only the content is recorded.
  public var byteCount: Int?
  /// SHA-256 of its content.
  public var digest: Digest
}

/// Where a locked model comes from.
public struct LockedSource: Sendable, Equatable {
  /// The hub's address, for people; another endpoint may be asked.
  public var endpoint: String
  /// `ORG/NAME` there.
  public var repository: String
  /// The commit, 40 hex digits.
  public var commit: String
}

/// A locked model.
public struct LockedModel: Sendable, Equatable {
  /// Its name in the store.
  public var reference: Reference
  /// Nil for files that came from no hub.
  public var source: LockedSource?
  /// SPDX ids, or what the hub's card says.
  public var licenses: [String] = []
  /// For a model made of another: that one's name, the files that were read, and what was done with them.
  public var base: String?
  public var inputs: [LockedFile] = []
  public var recipe: JSONObject?
  /// In the order of their paths.
  public var files: [LockedFile]

  /// SHA-256 of the text that `sha256sum` prints for the files in the order of their paths.
  public var digest: Digest { Self.digest(of: files) }

  static func digest(of files: [LockedFile]) -> Digest {
    Digest.of(Array(files.map { "\($0.digest.hex)  \($0.path)\n" }.joined().utf8))
  }
}

/// The lock file.
public struct LockFile: Sendable, Equatable {
  /// In the order of their names.
  public var models: [LockedModel]

  /// The version of the format.
  static let version = 1
  /// Largest file that is read.
  public static let byteCountLimit = 64 << 20

  public init(models: [LockedModel]) { self.models = models.sorted { $0.reference < $1.reference } }

  /// Its bytes.
  public var bytes: [UInt8] {
    let object: JSONObject = ["version": .integer(Int64(Self.version)), "models": .array(models.map(\.json))]
    return JSONWriter.bytes(.object(object), options: .pretty) + [UInt8(ascii: "\n")]
  }

  /// Reads a lock file.
  /// - Throws: `LockProblem.damaged`.
  public init(bytes: [UInt8], path: String) throws(LockProblem) {
    func damaged(_ why: String) -> LockProblem { .damaged(path: path, why: why) }
    let json: JSONValue
    do { json = try JSONReader.parse(bytes) } catch { throw damaged(error.description) }
    guard let version = json["version"]?.intValue, let entries = json["models"]?.arrayValue else {
      throw damaged("it has no version or no models")
    }
    guard version == Self.version else { throw damaged("its version is \(version); 1 is understood") }
    var models: [LockedModel] = []
    for entry in entries { models.append(try LockedModel(entry, damaged)) }
    guard Set(models.map(\.reference)).count == models.count else { throw damaged("it locks a model twice") }
    self.init(models: models)
  }
}

extension LockedFile {
  var json: JSONValue {
    var object: JSONObject = ["path": .string(path)]
    object["size"] = byteCount.map { .integer(Int64($0)) }
    object["sha256"] = .string(digest.hex)
    return .object(object)
  }

  init(_ json: JSONValue, _ damaged: (String) -> LockProblem) throws(LockProblem) {
    guard let path = json["path"]?.stringValue, let digest = json["sha256"]?.stringValue.flatMap({ Digest(hex: $0) })
    else { throw damaged("a file has no path or SHA-256") }
    guard ModelFile.isPath(path) else { throw damaged("a file cannot be called \"\(path.prefix(80))\"") }
    self.init(path: path, byteCount: json["size"]?.intValue, digest: digest)
  }
}

extension LockedModel {
  var json: JSONValue {
    var object: JSONObject = ["name": .string(reference.full)]
    if let source {
      object["source"] = [
        "endpoint": .string(source.endpoint), "repository": .string(source.repository),
        "commit": .string(source.commit),
      ]
    }
    if !licenses.isEmpty { object["licenses"] = .array(licenses.map { .string($0) }) }
    object["base"] = base.map { .string($0) }
    if !inputs.isEmpty { object["inputs"] = .array(inputs.map(\.json)) }
    object["recipe"] = recipe.map { .object($0) }
    object["files"] = .array(files.map(\.json))
    object["digest"] = .string(digest.description)
    return .object(object)
  }

  init(_ json: JSONValue, _ damaged: (String) -> LockProblem) throws(LockProblem) {
    guard let name = json["name"]?.stringValue, let query = try? ReferenceQuery(name), query.pin == nil,
      let reference = try? Reference(
        organization: query.organization, name: query.name, variant: query.variant ?? Reference.mainVariant)
    else { throw damaged("a model has no name that could be one") }
    func files(_ key: String) throws(LockProblem) -> [LockedFile] {
      var files: [LockedFile] = []
      for entry in json[key]?.arrayValue ?? [] { files.append(try LockedFile(entry, damaged)) }
      guard Set(files.map(\.path)).count == files.count else { throw damaged("\(name) has a file twice") }
      return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }
    self.reference = reference
    if let source = json["source"], !source.isNull {
      guard let repository = source["repository"]?.stringValue, let commit = source["commit"]?.stringValue,
        Hex.isLowercase(commit, count: 40)
      else { throw damaged("the source of \(name) has no repository or no commit") }
      self.source = LockedSource(
        endpoint: source["endpoint"]?.stringValue ?? "", repository: repository, commit: commit)
    }
    licenses = (json["licenses"]?.arrayValue ?? []).compactMap(\.stringValue)
    base = json["base"]?.stringValue
    inputs = try files("inputs")
    recipe = json["recipe"]?.objectValue
    self.files = try files("files")
    guard !self.files.isEmpty else { throw damaged("\(name) has no files") }
    guard json["digest"]?.stringValue == digest.description else {
      throw damaged("the digest of \(name) is not that of its files")
    }
  }
}
