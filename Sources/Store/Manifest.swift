// SPDX-License-Identifier: Apache-2.0
// A model's manifest: an OCI image manifest of the ModelPack artifact type, with one raw layer a file.
// Specifications: opencontainers/image-spec manifest.md and descriptor.md; modelpack/model-spec spec.md.

public import Basics

/// Points to a blob.
public struct Descriptor: Sendable, Equatable {
  /// What the blob is.
  public var mediaType: String
  /// Its SHA-256.
  public var digest: Digest
  /// Its size.
  public var byteCount: Int

  public init(mediaType: String, digest: Digest, byteCount: Int) {
    self.mediaType = mediaType
    self.digest = digest
    self.byteCount = byteCount
  }

  var json: JSONObject {
    ["mediaType": .string(mediaType), "digest": .string(digest.description), "size": .integer(Int64(byteCount))]
  }

  init(_ json: JSONValue?, _ place: String) throws(StoreProblem) {
    guard let object = json?.objectValue, let type = object["mediaType"]?.stringValue,
      let digest = object["digest"]?.stringValue.flatMap({ Digest($0) }), let size = object["size"]?.intValue,
      (0...Manifest.byteCountLimit).contains(size)
    else { throw .damagedManifest(place: place, why: "a descriptor has no media type, digest or size") }
    mediaType = type
    self.digest = digest
    byteCount = size
  }
}

/// A file of a model.
public struct ModelFile: Sendable, Equatable {
  /// Its place in the model's folder: parts between slashes, none of them `..`.
  public var path: String
  /// SHA-256 of its content.
  public var digest: Digest
  /// Its size.
  public var byteCount: Int

  /// - Throws: `StoreProblem.invalidPath` when the path could leave the folder.
  public init(path: String, digest: Digest, byteCount: Int) throws(StoreProblem) {
    guard Self.isPath(path) else { throw .invalidPath(path) }
    self.path = path
    self.digest = digest
    self.byteCount = byteCount
  }

  /// Whether a path stays within its folder and is one everywhere.
  package static func isPath(_ path: String) -> Bool {
    guard (1...1024).contains(path.utf8.count) else { return false }
    guard path.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 && $0 != "\\" }) else { return false }
    return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255
    }
  }
}

/// A model's manifest.
public struct Manifest: Sendable, Equatable {
  /// The config blob.
  public var config: Descriptor
  /// In the order of their paths.
  public var files: [ModelFile]
  /// Annotations of the whole.
  public var annotations: [String: String]

  /// Bytes of all files, each counted once however many paths it has.
  public var byteCount: Int {
    var seen: Set<Digest> = []
    return files.reduce(0) { seen.insert($1.digest).inserted ? $0 + $1.byteCount : $0 }
  }

  /// What it is called in registries.
  public static let mediaType = MediaType.manifest

  /// The name that the model had where the manifest was made.
  public var title: String? { annotations[Annotation.title] }

  /// Licences that it names.
  public var licenses: [String] {
    (annotations[Annotation.licenses] ?? "").split(separator: " ").map(String.init).filter { $0 != "AND" }
  }

  /// All blobs that it needs.
  public var blobs: [Descriptor] {
    [config] + files.map { Descriptor(mediaType: MediaType.layer($0.path), digest: $0.digest, byteCount: $0.byteCount) }
  }

  /// Its bytes: the same for the same content, so that its digest is too.
  var bytes: [UInt8] {
    let layers = files.map { file -> JSONValue in
      var layer = Descriptor(mediaType: MediaType.layer(file.path), digest: file.digest, byteCount: file.byteCount).json
      layer["annotations"] = .object([Annotation.filePath: .string(file.path)])
      return .object(layer)
    }
    var object: JSONObject = [
      "schemaVersion": 2, "mediaType": .string(MediaType.manifest), "artifactType": .string(MediaType.model),
      "config": .object(config.json), "layers": .array(layers),
    ]
    if !annotations.isEmpty {
      var texts = JSONObject()
      for (key, text) in annotations.sorted(by: { $0.key < $1.key }) { texts[key] = .string(text) }
      object["annotations"] = .object(texts)
    }
    return JSONWriter.bytes(.object(object))
  }

  init(config: Descriptor, files: [ModelFile], annotations: [String: String]) {
    self.config = config
    self.files = Self.ordered(files)
    self.annotations = annotations
  }

  /// The manifest of a model and its config blob: the same for the same content on every machine.
  static func make(
    of files: [ModelFile], as reference: Reference, description: ModelDescription
  ) -> (config: [UInt8], manifest: Manifest) {
    let config = description.bytes(name: reference.model, files: ordered(files))
    let descriptor = Descriptor(mediaType: MediaType.config, digest: Digest.of(config), byteCount: config.count)
    var annotations: [String: String] = [Annotation.title: reference.full]
    annotations[Annotation.source] = description.origin.source
    annotations[Annotation.revision] = description.origin.revision
    if !description.origin.licenses.isEmpty {
      annotations[Annotation.licenses] = description.origin.licenses.joined(separator: " AND ")
    }
    return (config, Manifest(config: descriptor, files: files, annotations: annotations))
  }

  /// The digest of the manifest that a model would have, without its being here.
  public static func digest(
    of files: [ModelFile], as reference: Reference, description: ModelDescription
  ) -> Digest {
    Digest.of(make(of: files, as: reference, description: description).manifest.bytes)
  }

  /// Files in a manifest's order.
  public static func ordered(_ files: [ModelFile]) -> [ModelFile] {
    files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// Most layers of a manifest, and most bytes of one: their sum is a number.
  static let layerLimit = 50_000
  static let byteCountLimit = 1 << 46

  /// Reads a manifest that may come from anywhere.
  /// - Throws: `StoreProblem.damagedManifest`, `.invalidPath`.
  public init(bytes: [UInt8], place: String) throws(StoreProblem) {
    func damaged(_ why: String) -> StoreProblem { .damagedManifest(place: place, why: why) }
    let json: JSONValue
    do { json = try JSONReader.parse(bytes) } catch { throw damaged(error.description) }
    guard json["schemaVersion"]?.intValue == 2,
      json["mediaType"]?.stringValue ?? MediaType.manifest == MediaType.manifest
    else { throw damaged("it is no OCI image manifest") }
    guard json["artifactType"]?.stringValue == MediaType.model else { throw damaged("it is no ModelPack manifest") }
    guard let layers = json["layers"]?.arrayValue else { throw damaged("it has no layers") }
    guard layers.count <= Self.layerLimit else { throw damaged("it has more than \(Self.layerLimit) layers") }
    var files: [ModelFile] = []
    var paths: Set<String> = []
    for layer in layers {
      let descriptor = try Descriptor(layer, place)
      guard MediaType.layers.contains(descriptor.mediaType) else {
        throw damaged("layers of the type \(descriptor.mediaType.prefix(80)) are not understood")
      }
      guard let path = layer["annotations"]?[Annotation.filePath]?.stringValue else {
        throw damaged("a layer has no file path")
      }
      guard paths.insert(path).inserted else { throw damaged("two layers are the file \(path.prefix(80))") }
      files.append(try ModelFile(path: path, digest: descriptor.digest, byteCount: descriptor.byteCount))
    }
    for path in paths {
      for (index, character) in zip(path.indices, path) where character == "/" && paths.contains(String(path[..<index]))
      {
        throw damaged("\(path.prefix(80)) is a file and below a file")
      }
    }
    var annotations: [String: String] = [:]
    for (key, value) in json["annotations"]?.objectValue ?? JSONObject() { annotations[key] = value.stringValue }
    self.init(config: try Descriptor(json["config"], place), files: files, annotations: annotations)
  }
}
