// SPDX-License-Identifier: Apache-2.0
// The state of a store at a glance: what is there, what is missing, who may write. Bytes are not read; `verify` does.

public import Basics
public import Store

/// What a look at a store finds.
public struct StoreHealth: Sendable {
  /// Whether there is a store.
  public let exists: Bool
  /// Whether this process may add models.
  public let isWritable: Bool
  /// Models, those in the trash aside.
  public let modelCount: Int
  /// The room it takes.
  public let usage: ModelStore.Usage
  /// Bytes that may still be written; nil when the file system does not say.
  public let freeByteCount: Int?
  /// What is wrong or odd.
  public let findings: [Finding]

  /// Below this many bytes a disk is called full.
  static let littleRoom = 1 << 30

  /// Looks at a store, without changing anything.
  public init(_ store: ModelStore) throws {
    let root = store.layout.root
    exists = store.exists
    var findings: [Finding] = []
    usage = try store.usage()
    let models = try store.models()
    modelCount = models.count
    findings += try store.damagedReferences()
    for check in store.checks(models) {
      let (digest, byteCount) = (check.descriptor.digest, check.descriptor.byteCount)
      guard !store.holds(digest, byteCount: byteCount) else { continue }
      let what = store.holds(digest) ? "has another size" : "is missing"
      findings.append(Finding(.error, code: "blob.missing", place: check.place, message: "its content \(what)"))
    }
    // A store that is not there yet is made in the nearest folder above that is.
    var folder = root
    while !Files.isFolder(folder), folder != "/", folder != "." { folder = Files.parent(of: folder) }
    isWritable = Files.isWritableFolder(folder)
    freeByteCount = try? Files.freeBytes(at: folder)
    if let freeByteCount, freeByteCount < Self.littleRoom, isWritable {
      findings.append(
        Finding(.warning, code: "disk.full", place: folder, message: "only \(freeByteCount >> 20) MiB are free"))
    }
    if exists, let facts = Files.facts(root, followsLinks: true), facts.isGroupWritable, !facts.inheritsGroup {
      findings.append(
        Finding(
          .warning, code: "store.group", place: root,
          message: "the group may write, but new files get their maker's group: chmod g+s \(root)"))
    }
    self.findings = findings
  }
}
