// SPDX-License-Identifier: Apache-2.0
// The store as the place where a pull's files go, and the pull's end: a manifest and a reference.

public import Basics
public import Hub
public import Store

/// An open session of the store that takes a pull's files.
public struct StoreDestination: PullDestination {
  private let ingest: Ingest

  public init(_ ingest: Ingest) { self.ingest = ingest }

  /// The folder for unfinished downloads, which `gc` leaves alone while a session is open.
  public var partsFolder: String { ingest.store.layout.parts }

  /// The digest of a content that is kept, also of one known by its git id.
  public func present(_ file: RepoFile) -> Digest? { StoreView(store: ingest.store).present(file) }

  /// Takes a verified file by renaming it to its name in the store.
  public func adopt(_ file: DownloadedFile) throws {
    let gitID: String? = if case .gitBlob(let id) = file.file.identity { id.description } else { nil }
    try ingest.adopt(file.path, verified: file.digest, gitID: gitID, ledger: file.ledger)
  }

  /// Takes a content of another program, sharing its blocks or linking it where that is safe.
  public func take(_ file: RepoFile, from path: String, progress: (Int) throws -> Void) throws -> Digest? {
    try ingest.take(path, expecting: file.identity.contentName, progress: progress)?.digest
  }

  /// Makes a finished pull a model of the store.
  /// - Parameter reference: its name; nil: the repository's, with the revision as variant.
  /// - Returns: the model, and why it cannot be run here, if so.
  public func publish(
    _ pulled: PulledSnapshot, endpoint: String, as reference: Reference?
  ) throws -> (model: StoredModel, unsupported: (any Problem)?) {
    let reference = try reference ?? Self.reference(pulled.resolved.repository, pulled.revision)
    let files = try pulled.files.map {
      try ModelFile(path: $0.source.path.description, digest: $0.digest, byteCount: $0.source.byteCount)
    }
    let origin = Self.origin(pulled.resolved, endpoint: endpoint, pulled.license)
    let (description, unsupported) = try Self.describe(files, ingest: ingest, origin: origin, provenance: nil)
    let model = try ingest.publish(files, as: reference, description: description, replaces: true)
    return (model, unsupported)
  }

  /// What a pulled model is called when nobody says.
  static func reference(_ repository: RepoID, _ revision: Revision) throws -> Reference {
    let variant = revision.commit.map { $0.short } ?? variant(revision.description)
    return try Reference(organization: repository.owner, name: repository.name, variant: variant)
  }

  /// Where a pulled model comes from, as its manifest says.
  static func origin(_ resolved: HubClient.Resolved, endpoint: String, _ license: String?) -> Origin {
    Origin(
      source: "\(endpoint)/\(resolved.repository)", revision: resolved.commit.description,
      licenses: license.map { [$0] } ?? [])
  }

  /// A branch's or tag's name as a variant.
  private static func variant(_ revision: String) -> String {
    let plain = revision.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" }
    let text = String(plain.drop { $0 == "-" || $0 == "." }.prefix(64))
    return text.isEmpty ? Reference.mainVariant : text
  }

  /// Describes files of the store by a folder of links made for the purpose.
  static func describe(
    _ files: [ModelFile], ingest: Ingest, origin: Origin, provenance: Provenance?
  ) throws -> (ModelDescription, unsupported: (any Problem)?) {
    let folder = "\(ingest.folder)/view"
    defer { try? Files.removeTree(folder) }
    for file in files {
      let link = "\(folder)/\(file.path)"
      try Files.makeFolders(Files.parent(of: link))
      try Files.link(link, to: ingest.store.path(of: file.digest))
    }
    return describe(folder: folder, origin: origin, provenance: provenance)
  }

  /// Describes a folder of a model's files.
  static func describe(
    folder: String, origin: Origin, provenance: Provenance? = nil
  ) -> (ModelDescription, unsupported: (any Problem)?) {
    guard Files.isFile("\(folder)/config.json") else {
      return (ModelDescription(origin: origin, provenance: provenance), nil)
    }
    do {
      let facts = try Describing.facts(folder: folder, origin: origin, provenance: provenance)
      return (facts.description, facts.unsupported)
    } catch {
      // What cannot be described is kept all the same: its bytes are those that were promised.
      return (ModelDescription(origin: origin, provenance: provenance), error as? any Problem)
    }
  }
}
