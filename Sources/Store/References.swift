// SPDX-License-Identifier: Apache-2.0
// The references: one small file each. They alone say what the store keeps; all else follows from them.

public import Basics
internal import Glibc

extension ModelStore {
  /// Largest manifest that is read.
  static let manifestLimit = 16 << 20

  /// A reference file that cannot be used, and why.
  public struct DamagedReference: Sendable {
    /// Its path below the store's folder.
    public let place: String
    /// What is wrong.
    public let problem: any Problem
  }

  func referencePath(_ reference: Reference) -> String {
    "\(layout.references)/\(reference.folder)/\(reference.variant).json"
  }

  /// All models, by name. Damaged references are left out: `verify` names them.
  public func models() throws -> [StoredModel] { try survey().models }

  /// All models, and the references that cannot be read.
  public func survey() throws -> (models: [StoredModel], damaged: [DamagedReference]) {
    guard exists else { return ([], []) }
    var models: [StoredModel] = []
    var damaged: [DamagedReference] = []
    for reference in try references() {
      do {
        models.append(try load(reference))
      } catch FileProblem.notFound {
        continue  // removed by another process since it was listed
      } catch let problem as any Problem {
        damaged.append(DamagedReference(place: "refs/\(reference.folder)/\(reference.variant).json", problem: problem))
      }
    }
    return (models, damaged)
  }

  /// Names of all models, sorted; no manifest is read.
  public func names() throws -> [Reference] { exists ? try references() : [] }

  /// Names of all references, sorted.
  func references() throws -> [Reference] {
    var found: [Reference] = []
    for organization in try Files.list(layout.references) where Files.isFolder("\(layout.references)/\(organization)") {
      for name in try Files.list("\(layout.references)/\(organization)") {
        let folder = "\(layout.references)/\(organization)/\(name)"
        guard Files.isFolder(folder) else { continue }
        for file in try Files.list(folder) where file.hasSuffix(".json") {
          if let one = try? Reference(organization: organization, name: name, variant: String(file.dropLast(5))) {
            found.append(one)
          }
        }
      }
    }
    return found.sorted()
  }

  /// The model of a reference.
  /// - Throws: `StoreProblem`, `FileProblem.notFound` when there is none.
  public func load(_ reference: Reference) throws -> StoredModel {
    let bytes = try Files.read(referencePath(reference), limit: 1 << 20)
    return try load(bytes: bytes, reference: reference)
  }

  func load(bytes: [UInt8], reference: Reference) throws -> StoredModel {
    let json: JSONValue
    do { json = try JSONReader.parse(bytes) } catch {
      throw StoreProblem.damagedManifest(place: reference.full, why: "its reference file: \(error)")
    }
    let descriptor = try Descriptor(json["manifest"], reference.full)
    let manifest = try read(descriptor, place: reference.full, limit: Self.manifestLimit)
    return StoredModel(
      reference: reference, digest: descriptor.digest, manifestByteCount: descriptor.byteCount,
      manifest: try Manifest(bytes: manifest, place: reference.full), created: json["created"]?.intValue ?? 0)
  }

  /// The one model that a name means.
  ///
  /// The whole name wins over beginnings of names; `main` wins over other variants.
  /// - Throws: `StoreProblem.notFound`, `.ambiguous`, `.otherVersion`.
  public func resolve(_ text: String) throws -> StoredModel {
    for isPrefix in [false, true] {
      if let model = try resolve(text, isPrefix: isPrefix) { return model }
    }
    throw StoreProblem.notFound(text, similar: try similar(to: text))
  }

  /// The one model whose name is a text, or begins with it; nil when there is none.
  /// - Throws: `StoreProblem.ambiguous`, `.otherVersion`.
  public func resolve(_ text: String, isPrefix: Bool) throws -> StoredModel? {
    let query = try ReferenceQuery(text)
    let found = exists ? try references().filter { query.matches($0, isPrefix: isPrefix) } : []
    return try one(of: found, text).map { try pinned(try load($0), query.pin, text) }
  }

  /// Names that may have been meant, at most five.
  public func similar(to text: String) throws -> [String] {
    let begin = try ReferenceQuery(text).name.lowercased().prefix(4)
    let all = exists ? try references() : []
    return Array(Set(all.filter { $0.name.lowercased().contains(begin) }.map(\.description)).sorted().prefix(5))
  }

  private func one(of found: [Reference], _ text: String) throws -> Reference? {
    let models = Set(found.map(\.model))
    guard models.count <= 1 else { throw StoreProblem.ambiguous(text, candidates: found.map(\.description)) }
    if found.count <= 1 { return found.first }
    if let main = found.first(where: { $0.variant == Reference.mainVariant }) { return main }
    throw StoreProblem.ambiguous(text, candidates: found.map(\.description))
  }

  private func pinned(_ model: StoredModel, _ pin: ReferenceQuery.Pin?, _ text: String) throws -> StoredModel {
    switch pin {
    case nil: return model
    case .digest(let digest):
      guard digest == model.digest else {
        throw StoreProblem.otherVersion(
          model.reference.description, wanted: digest.description, have: model.digest.description)
      }
    case .commit(let commit):
      guard let revision = model.revision, revision.hasPrefix(commit) else {
        throw StoreProblem.otherVersion(
          model.reference.description, wanted: commit, have: model.revision ?? "a model without a commit")
      }
    }
    return model
  }

  /// Points a reference at a manifest whose blobs are all kept, then renews what follows from it. What the name meant
  /// until then goes into the trash.
  func point(_ reference: Reference, at digest: Digest, byteCount: Int) throws {
    try changingReferences {
      // The same again keeps its date.
      if let present = try? load(reference), present.digest == digest { return try renewDerived() }
      let object: JSONObject = [
        "name": .string(reference.full), "created": .integer(Int64(time(nil))),
        "manifest": .object(
          Descriptor(mediaType: MediaType.manifest, digest: digest, byteCount: byteCount).json),
      ]
      let path = referencePath(reference)
      try Files.makeFolders(Files.parent(of: path))
      if (try? load(reference)) != nil {
        try Files.makeFolders(layout.trash)
        try AtomicFile.write(try Files.read(path, limit: 1 << 20), to: trashPath())
      }
      try AtomicFile.write(JSONWriter.bytes(.object(object), options: .pretty), to: path)
      try renewDerived()
    }
  }

  /// A new name in the trash, which says since when.
  private func trashPath() -> String { "\(layout.trash)/\(time(nil))-\(Files.uniqueSuffix()).json" }

  /// Puts a reference into the trash. Its contents stay until `collect` finds the trash old enough.
  public func remove(_ model: StoredModel) throws {
    try changingReferences {
      try Files.makeFolders(layout.trash)
      let path = referencePath(model.reference)
      try Files.rename(path, to: trashPath())
      try Files.synchronizeFolder(layout.trash)
      try Files.synchronizeFolder(Files.parent(of: path))
      removeEmptyFolders(Files.parent(of: path), below: layout.references)
      try renewDerived()
    }
  }

  /// Takes a reference that was removed last under this name out of the trash.
  /// - Parameters:
  ///   - text: the name; with a pin, the version that it has to be.
  ///   - replaces: what has the name now goes into the trash instead of being an obstacle.
  /// - Throws: `StoreProblem.notFound`; `.exists` when the name has been given again.
  public func restore(_ text: String, replaces: Bool = false) throws -> StoredModel {
    let query = try ReferenceQuery(text)
    // The lock on contents keeps `collect` from taking away what is being brought back.
    return try keepingContents {
      try changingReferences {
        let found = try trashed().filter { one in
          guard query.matches(one.reference, isPrefix: false) else { return false }
          guard query.pin != nil else { return true }
          return (try? pinned(try load(bytes: one.bytes, reference: one.reference), query.pin, text)) != nil
        }
        let isMain = query.variant == nil && found.contains { $0.reference.variant == Reference.mainVariant }
        let meant = isMain ? found.filter { $0.reference.variant == Reference.mainVariant } : found
        guard let latest = meant.max(by: { $0.removed < $1.removed }) else {
          throw StoreProblem.notFound("\(text) in the trash", similar: [])
        }
        let path = referencePath(latest.reference)
        if Files.kind(path) != nil {
          guard replaces else { throw StoreProblem.exists(latest.reference.description) }
          try Files.rename(path, to: trashPath())
        }
        try Files.makeFolders(Files.parent(of: path))
        try Files.rename(latest.path, to: path)
        try Files.synchronizeFolder(Files.parent(of: path))
        try renewDerived()
        return try load(latest.reference)
      }
    }
  }

  /// Removes a reference that cannot be read; there is no way back. Its contents, as far as nothing else needs them, are
  /// freed by `collect`.
  /// - Returns: the reference; nil when the name is not exactly that of a damaged one.
  public func removeDamaged(_ text: String) throws -> Reference? {
    let query = try ReferenceQuery(text)
    guard exists, query.pin == nil else { return nil }
    let found = try references().filter {
      query.matches($0, isPrefix: false) && query.variant ?? Reference.mainVariant == $0.variant
    }
    guard found.count == 1, let reference = found.first else { return nil }
    return try changingReferences {
      do {
        _ = try load(reference)
        return nil
      } catch FileProblem.notFound {
        return nil
      } catch is any Problem {
        let path = referencePath(reference)
        try Files.remove(path)
        try Files.synchronizeFolder(Files.parent(of: path))
        removeEmptyFolders(Files.parent(of: path), below: layout.references)
        try renewDerived()
        return reference
      }
    }
  }

  /// A reference in the trash.
  struct Trashed {
    let path: String
    let reference: Reference
    /// When it was removed, in seconds since 1970.
    let removed: Int
    let bytes: [UInt8]
  }

  func trashed() throws -> [Trashed] {
    guard Files.isFolder(layout.trash) else { return [] }
    return try Files.list(layout.trash).filter { $0.hasSuffix(".json") }.compactMap { file in
      let path = "\(layout.trash)/\(file)"
      guard let bytes = try? Files.read(path, limit: 1 << 20), let json = try? JSONReader.parse(bytes),
        let query = (json["name"]?.stringValue).flatMap({ try? ReferenceQuery($0) }),
        let reference = try? Reference(
          organization: query.organization, name: query.name, variant: query.variant ?? Reference.mainVariant)
      else { return nil }
      return Trashed(path: path, reference: reference, removed: Int(file.prefix { $0 != "-" }) ?? 0, bytes: bytes)
    }
  }

  /// Names of the models in the trash, each once, sorted.
  public func trashedNames() throws -> [Reference] { Set(try trashed().map(\.reference)).sorted() }

  func removeEmptyFolders(_ folder: String, below root: String) {
    var folder = folder
    while folder.hasPrefix("\(root)/"), rmdir(folder) == 0 { folder = Files.parent(of: folder) }
  }
}
