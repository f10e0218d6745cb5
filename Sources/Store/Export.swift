// SPDX-License-Identifier: Apache-2.0
// Models as one file: an OCI image layout in a tar archive, the same bytes for the same models on every machine.

internal import Basics
internal import CArchive
internal import Glibc

extension ModelStore {
  /// How an archive is compressed.
  public enum Compression: String, Sendable, CaseIterable { case none, gzip, zstd }

  /// Writes models as an archive. Every content is checked against its digest on the way.
  /// - Parameters:
  ///   - path: the file to make; nil writes to stdout.
  ///   - progress: told the bytes of contents written, piece by piece; throws to stop.
  /// - Throws: `StoreProblem.damagedBlob`, `ArchiveProblem`, `FileProblem`. A file cut short is removed.
  public func export(
    _ models: [StoredModel], to path: String?, compression: Compression, progress: (Int) throws -> Void = { _ in }
  ) throws {
    let temporary = path.map { "\($0).\(Files.uniqueSuffix()).part" }
    do {
      let writer = try TarWriter(path: temporary, compression: compression)
      try writer.add("oci-layout", Array(Layout.markerText.utf8))
      try writer.add("index.json", indexBytes(models.sorted { $0.reference < $1.reference }))
      for check in checks(models).sorted(by: { $0.descriptor.digest.hex < $1.descriptor.digest.hex }) {
        try writer.add("blobs/sha256/\(check.descriptor.digest.hex)", check, in: self, progress)
      }
      try writer.close()
      if let path, let temporary {
        let file = try OpenFile(temporary, flags: O_RDWR)
        try file.synchronize()
        try Files.rename(temporary, to: path)
      }
    } catch {
      if let temporary { try? Files.remove(temporary) }
      throw error
    }
  }

  /// index.json of some models.
  func indexBytes(_ models: [StoredModel]) -> [UInt8] {
    let manifests = models.map { model -> JSONValue in
      var entry = Descriptor(
        mediaType: MediaType.manifest, digest: model.digest, byteCount: model.manifestByteCount
      ).json
      entry["artifactType"] = .string(MediaType.model)
      entry["annotations"] = .object([Annotation.referenceName: .string(model.reference.full)])
      return .object(entry)
    }
    let index: JSONObject = [
      "schemaVersion": 2, "mediaType": .string(MediaType.index), "manifests": .array(manifests),
    ]
    return JSONWriter.bytes(.object(index), options: .pretty)
  }
}

/// Writes a tar archive without anything that differs between machines: no times, owners or modes.
private final class TarWriter {
  private let archive: OpaquePointer
  private let name: String

  init(path: String?, compression: ModelStore.Compression) throws {
    name = path ?? "stdout"
    guard let archive = archive_write_new() else {
      throw FileProblem.system(operation: "write", path: name, number: ENOMEM)
    }
    self.archive = archive
    archive_write_set_format_pax_restricted(archive)
    switch compression {
    case .none: archive_write_add_filter_none(archive)
    case .gzip:
      archive_write_add_filter_gzip(archive)
      archive_write_set_filter_option(archive, "gzip", "timestamp", nil)
    case .zstd: archive_write_add_filter_zstd(archive)
    }
    let opened = path.map { archive_write_open_filename(archive, $0) } ?? archive_write_open_fd(archive, 1)
    guard opened == ARCHIVE_OK else { throw failure() }
  }

  deinit { archive_write_free(archive) }

  private func failure() -> any Error {
    let number = archive_errno(archive)
    return FileProblem.system(operation: "write", path: name, number: number > 0 ? number : EIO)
  }

  private func begin(_ path: String, byteCount: Int) throws {
    let entry = archive_entry_new()
    defer { archive_entry_free(entry) }
    archive_entry_set_pathname(entry, path)
    archive_entry_set_size(entry, Int64(byteCount))
    archive_entry_set_filetype(entry, UInt32(Glibc.S_IFREG))
    archive_entry_set_perm(entry, 0o444)
    archive_entry_set_mtime(entry, 0, 0)
    guard archive_write_header(archive, entry) == ARCHIVE_OK else { throw failure() }
  }

  private func write(_ bytes: Span<UInt8>) throws {
    let written = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
    guard written == bytes.count else { throw failure() }
  }

  func add(_ path: String, _ bytes: [UInt8]) throws {
    try begin(path, byteCount: bytes.count)
    try write(bytes.span)
  }

  func add(_ path: String, _ check: ModelStore.Check, in store: ModelStore, _ progress: (Int) throws -> Void) throws {
    let descriptor = check.descriptor
    guard store.holds(descriptor.digest, byteCount: descriptor.byteCount) else {
      throw StoreProblem.damagedBlob(place: check.place, why: "its content is missing or has another size")
    }
    try begin(path, byteCount: descriptor.byteCount)
    let file = try OpenFile.reading(store.path(of: descriptor.digest))
    var hasher = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset = 0
    while offset < descriptor.byteCount {
      let count = try file.read(into: &buffer, at: offset)
      guard count > 0 else { throw StoreProblem.damagedBlob(place: check.place, why: "it became shorter") }
      let piece = buffer.span.extracting(first: min(count, descriptor.byteCount - offset))
      hasher.update(piece)
      try write(piece)
      offset += piece.count
      try progress(piece.count)
    }
    guard hasher.finish() == descriptor.digest else {
      throw StoreProblem.damagedBlob(place: check.place, why: "its content has changed")
    }
  }

  func close() throws {
    guard archive_write_close(archive) == ARCHIVE_OK else { throw failure() }
  }
}
