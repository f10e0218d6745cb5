// SPDX-License-Identifier: Apache-2.0
// Models as one file or folder: an OCI image layout, in a tar archive or as it is, the same bytes for the same models on
// every machine.

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
    guard let path else {
      let writer = try TarWriter(path: nil, compression: compression)
      try write(models, to: writer, progress)
      return try writer.close()
    }
    let temporary = "\(path).\(Files.uniqueSuffix()).part"
    do {
      let writer = try TarWriter(path: temporary, compression: compression)
      try write(models, to: writer, progress)
      try writer.close()
      let file = try OpenFile(temporary, flags: O_RDWR)
      try file.synchronize()
      try Files.rename(temporary, to: path)
    } catch {
      try? Files.remove(temporary)
      throw error
    }
  }

  /// Writes models as a folder, which must not exist. Every content is checked against its digest on the way.
  /// - Throws: `StoreProblem.damagedBlob`, `FileProblem`. A folder cut short is removed.
  public func export(
    _ models: [StoredModel], toFolder path: String, progress: (Int) throws -> Void = { _ in }
  ) throws {
    let temporary = "\(path).\(Files.uniqueSuffix()).part"
    do {
      try write(models, to: FolderWriter(path: temporary), progress)
      try Files.synchronizeFolder(temporary)
      try Files.rename(temporary, to: path)
    } catch {
      try? Files.removeTree(temporary)
      throw error
    }
  }

  private func write(
    _ models: [StoredModel], to writer: any LayoutWriter, _ progress: (Int) throws -> Void
  ) throws {
    try writer.add("oci-layout", Array(Layout.markerText.utf8))
    try writer.add("index.json", indexBytes(models.sorted { $0.reference < $1.reference }))
    for check in checks(models).sorted(by: { $0.descriptor.digest.hex < $1.descriptor.digest.hex }) {
      try copy(check, to: writer, progress)
    }
  }

  private func copy(_ check: Check, to writer: any LayoutWriter, _ progress: (Int) throws -> Void) throws {
    let descriptor = check.descriptor
    guard holds(descriptor.digest, byteCount: descriptor.byteCount) else {
      throw StoreProblem.damagedBlob(place: check.place, why: "its content is missing or has another size")
    }
    try writer.begin("blobs/sha256/\(descriptor.digest.hex)", byteCount: descriptor.byteCount)
    let file = try OpenFile.reading(path(of: descriptor.digest))
    var hasher = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset = 0
    while offset < descriptor.byteCount {
      let count = try file.read(into: &buffer, at: offset)
      guard count > 0 else { throw StoreProblem.damagedBlob(place: check.place, why: "it became shorter") }
      let piece = buffer.span.extracting(first: min(count, descriptor.byteCount - offset))
      hasher.update(piece)
      try writer.write(piece)
      offset += piece.count
      try progress(piece.count)
    }
    guard hasher.digest == descriptor.digest else {
      throw StoreProblem.damagedBlob(place: check.place, why: "its content has changed")
    }
    try writer.end()
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

/// Takes the files of a layout, one after the other.
private protocol LayoutWriter {
  func begin(_ path: String, byteCount: Int) throws
  func write(_ bytes: Span<UInt8>) throws
  func end() throws
}

extension LayoutWriter {
  fileprivate func add(_ path: String, _ bytes: [UInt8]) throws {
    try begin(path, byteCount: bytes.count)
    try write(bytes.span)
    try end()
  }
}

/// Writes a folder.
private final class FolderWriter: LayoutWriter {
  private let path: String
  private var file: OpenFileBox?

  private final class OpenFileBox {
    let file: OpenFile
    init(_ file: consuming OpenFile) { self.file = file }
  }

  init(path: String) { self.path = path }

  func begin(_ relative: String, byteCount: Int) throws {
    let target = "\(path)/\(relative)"
    try Files.makeFolders(Files.parent(of: target))
    file = OpenFileBox(try OpenFile.creating(target))
  }

  func write(_ bytes: Span<UInt8>) throws { try file?.file.write(bytes) }

  func end() throws {
    try file?.file.synchronize()
    file = nil
  }
}

/// Writes a tar archive without anything that differs between machines: no times, owners or modes.
private final class TarWriter: LayoutWriter {
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

  func begin(_ path: String, byteCount: Int) throws {
    let entry = archive_entry_new()
    defer { archive_entry_free(entry) }
    archive_entry_set_pathname(entry, path)
    archive_entry_set_size(entry, Int64(byteCount))
    archive_entry_set_filetype(entry, UInt32(Glibc.S_IFREG))
    archive_entry_set_perm(entry, 0o444)
    archive_entry_set_mtime(entry, 0, 0)
    guard archive_write_header(archive, entry) == ARCHIVE_OK else { throw failure() }
  }

  func write(_ bytes: Span<UInt8>) throws {
    let written = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
    guard written == bytes.count else { throw failure() }
  }

  func end() throws {}

  func close() throws {
    guard archive_write_close(archive) == ARCHIVE_OK else { throw failure() }
  }
}
