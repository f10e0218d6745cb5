// SPDX-License-Identifier: Apache-2.0
// Small models in a store of their own.

import Basics
import Store
import Support

/// A store in a temporary folder, with ways to put models into it.
struct Sample {
  let folder: TemporaryFolder
  let store: ModelStore

  init() throws {
    folder = try TemporaryFolder("impetus-store")
    store = ModelStore(root: "\(folder.path)/store")
  }

  /// Publishes a model of these files.
  @discardableResult
  func add(
    _ name: String, variant: String = "main", organization: String? = "org", files: [(String, String)],
    revision: String? = nil, replaces: Bool = false
  ) throws -> StoredModel {
    let ingest = try Ingest(store)
    return try ingest.publish(
      try files.map { path, text in
        let descriptor = try ingest.add(Array(text.utf8))
        return try ModelFile(path: path, digest: descriptor.digest, byteCount: descriptor.byteCount)
      },
      as: try Reference(organization: organization, name: name, variant: variant),
      description: ModelDescription(
        architecture: "llama", origin: Origin(source: "https://hub/org/\(name)", revision: revision)),
      replaces: replaces)
  }

  /// Names of all files below a folder, links and folders aside.
  func files(below path: String) throws -> [String] {
    try Files.list(path).flatMap { name -> [String] in
      Files.kind("\(path)/\(name)") == .folder
        ? try files(below: "\(path)/\(name)").map { "\(name)/\($0)" } : [name]
    }
  }

  /// Overwrites a content of the store, which is read-only.
  func damage(_ digest: Digest, with text: String) throws { try damage(digest, with: Array(text.utf8)) }

  func damage(_ digest: Digest, with bytes: [UInt8]) throws {
    try Files.remove(store.path(of: digest))
    try AtomicFile.write(bytes, to: store.path(of: digest))
  }
}
