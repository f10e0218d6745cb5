// SPDX-License-Identifier: Apache-2.0
// Where everything lies in the store's folder (docs/store.md).
//
//   oci-layout index.json          an OCI image layout; the index follows from refs/
//   blobs/sha256/HEX               contents, read-only, named by their SHA-256
//   refs/ORG/NAME/VARIANT.json     one reference each: the truth about what is kept
//   trash/TIME-RANDOM.json         removed references, until `gc` empties it
//   snapshots/ORG/NAME/VARIANT/…   symbolic links with readable names, made from the manifests
//   known/git/HEX                  SHA-256 of contents that the hub knows by their git id
//   known/ledger/HEX               chaining values of a content's SHA-256, a line for 8 MiB
//   packed/HEX.LAYOUT              weights of the model with this manifest as the engine reads them; made anew when missing
//   parts/ ingest/                 unfinished files of pulls, and of everything else
//   lock refs.lock                 flock: shared by whoever adds contents; held while references change

internal import Basics

/// Paths of a store.
public struct Layout: Sendable, Equatable {
  /// The store's folder.
  public let root: String

  public init(root: String) { self.root = root }

  /// Unfinished files of pulls.
  public var parts: String { "\(root)/parts" }
  /// Packed weights, by the digest of their model's manifest.
  public var packed: String { "\(root)/packed" }
  var marker: String { "\(root)/oci-layout" }
  var index: String { "\(root)/index.json" }
  var blobs: String { "\(root)/blobs/sha256" }
  var references: String { "\(root)/refs" }
  var trash: String { "\(root)/trash" }
  var snapshots: String { "\(root)/snapshots" }
  var gitIDs: String { "\(root)/known/git" }
  var ledgers: String { "\(root)/known/ledger" }
  var ingest: String { "\(root)/ingest" }
  /// Held shared while contents are added that no reference names yet, exclusively by `gc`.
  var contentLock: String { "\(root)/lock" }
  /// Held while references, the index or snapshots change.
  var referenceLock: String { "\(root)/refs.lock" }

  static let markerText = "{\"imageLayoutVersion\":\"1.0.0\"}"

  /// Makes what is missing; quick when all is there.
  /// - Throws: `StoreProblem.notAStore` when the folder holds something else.
  func create() throws {
    if Files.isFile(marker) {
      let text = try Files.read(marker, limit: 4096)
      guard let version = (try? JSONReader.parse(text))?["imageLayoutVersion"]?.stringValue else {
        throw StoreProblem.notAStore(path: root, why: "its oci-layout file is damaged")
      }
      guard version.hasPrefix("1.") else {
        throw StoreProblem.notAStore(
          path: root, why: "its layout version is \(version.prefix(32)); 1.0.0 is understood")
      }
    } else if Files.isFolder(root), try !Files.list(root).allSatisfy(Self.isOurs) {
      throw StoreProblem.notAStore(path: root, why: "the folder holds other files")
    }
    for folder in [blobs, references, trash, snapshots, gitIDs, ledgers, ingest, parts] {
      try Files.makeFolders(folder)
    }
    if !Files.isFile(marker) { try AtomicFile.write(Array(Self.markerText.utf8), to: marker) }
  }

  /// Names that a store cut short while it was made may hold.
  private static func isOurs(_ name: String) -> Bool {
    ["blobs", "refs", "trash", "snapshots", "known", "ingest", "parts", "packed", "lock", "refs.lock", "index.json"]
      .contains(
        name)
      || name.hasPrefix("oci-layout.") || name.hasPrefix("index.json.")
  }

  func blob(_ digest: Digest) -> String { "\(blobs)/\(digest.hex)" }
  func ledger(_ digest: Digest) -> String { "\(ledgers)/\(digest.hex)" }
}
