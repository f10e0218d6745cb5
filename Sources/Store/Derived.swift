// SPDX-License-Identifier: Apache-2.0
// What follows from the references: index.json for other OCI tools, and folders of links for people and
// programs. Losing them loses nothing.

internal import Basics

extension ModelStore {
  /// Makes index.json and the snapshot folders agree with the references; the caller holds the lock on them.
  func renewDerived() throws {
    let models = try survey().models
    try writeIndex(models)
    for model in models { try makeSnapshot(model) }
    try removeSnapshots(except: Set(models.map { snapshotFolder($0.reference) }))
  }

  /// Repairs what follows from the references, where it does not agree with them.
  public func repairDerived() throws {
    guard exists else { return }
    try changingReferences { try renewDerived() }
  }

  private func writeIndex(_ models: [StoredModel]) throws {
    let bytes = indexBytes(models)
    if (try? Files.read(layout.index, limit: 64 << 20)) != bytes { try AtomicFile.write(bytes, to: layout.index) }
  }

  /// Links of a model's folder: the path below it, and what each link holds.
  private func links(_ model: StoredModel) -> [(path: String, target: String)] {
    model.manifest.files.map { file in
      // snapshots/ORG/NAME/VARIANT, and the file's own folders.
      let ups = 4 + file.path.utf8.count { $0 == UInt8(ascii: "/") }
      return (file.path, String(repeating: "../", count: ups) + "blobs/sha256/\(file.digest.hex)")
    }
  }

  /// The folder with a model's files, made anew when it is not as it should be.
  public func snapshot(_ model: StoredModel) throws -> String {
    if !isSnapshotComplete(model) {
      try changingReferences { try makeSnapshot(model) }
    }
    return snapshotFolder(model.reference)
  }

  func isSnapshotComplete(_ model: StoredModel) -> Bool {
    let folder = snapshotFolder(model.reference)
    return links(model).allSatisfy { (try? Files.linkTarget("\(folder)/\($0.path)")) == $0.target }
      && fileCount(folder) == model.manifest.files.count
  }

  private func fileCount(_ folder: String) -> Int {
    ((try? Files.list(folder)) ?? []).reduce(0) { count, name in
      let path = "\(folder)/\(name)"
      return count + (Files.kind(path) == .folder ? fileCount(path) : 1)
    }
  }

  private func makeSnapshot(_ model: StoredModel) throws {
    guard !isSnapshotComplete(model) else { return }
    let folder = snapshotFolder(model.reference)
    let fresh = "\(layout.ingest)/snapshot-\(Files.uniqueSuffix())"
    try Files.makeFolders(fresh)
    do {
      for link in links(model) {
        try Files.makeFolders(Files.parent(of: "\(fresh)/\(link.path)"))
        try Files.link("\(fresh)/\(link.path)", to: link.target)
      }
      try Files.removeTree(folder)
      try Files.makeFolders(Files.parent(of: folder))
      try Files.rename(fresh, to: folder)
    } catch {
      try? Files.removeTree(fresh)
      throw error
    }
  }

  /// Removes folders that no reference stands for.
  private func removeSnapshots(except wanted: Set<String>) throws {
    for organization in try Files.list(layout.snapshots) {
      for name in (try? Files.list("\(layout.snapshots)/\(organization)")) ?? [] {
        for variant in (try? Files.list("\(layout.snapshots)/\(organization)/\(name)")) ?? [] {
          let folder = "\(layout.snapshots)/\(organization)/\(name)/\(variant)"
          guard !wanted.contains(folder) else { continue }
          try Files.removeTree(folder)
          removeEmptyFolders(Files.parent(of: folder), below: layout.snapshots)
        }
      }
    }
  }
}
