// SPDX-License-Identifier: Apache-2.0
// Archives (zip, wheels, tar in all compressions) taken apart by libarchive. An archive is somebody else's: names
// that leave the folder, links, devices, and contents without end are refused.

public import Basics
internal import CArchive
internal import Glibc

/// Takes an archive apart.
public enum Archive {
  /// What is accepted of an archive.
  public struct Limits: Sendable {
    /// Most entries, and most bytes of all files together.
    public var entries: Int
    public var byteCount: Int
    /// Most bytes that a byte of the archive may become, once so many have come that it matters: weights hardly get
    /// smaller by compression.
    public var ratio = 1000
    public var ratioFreeByteCount = 256 << 20

    /// - Parameter byteCount: usually the room on the disk.
    public init(entries: Int = 100_000, byteCount: Int) {
      self.entries = entries
      self.byteCount = byteCount
    }
  }

  /// Writes the wanted files below a folder under their own paths.
  /// - Parameters:
  ///   - isWanted: asked for each file's path; what is not wanted is skipped.
  ///   - progress: told the bytes written, piece by piece; throws to stop.
  /// - Returns: the paths written, below the folder.
  /// - Throws: `ArchiveProblem`, `FileProblem`.
  public static func extract(
    _ path: String, to folder: String, limits: Limits, isWanted: (String) -> Bool = { _ in true },
    progress: (Int) throws -> Void = { _ in }
  ) throws -> [String] {
    _ = try Files.byteCount(path)
    guard let reader = archive_read_new() else {
      throw FileProblem.system(operation: "read", path: path, number: ENOMEM)
    }
    defer { archive_read_free(reader) }
    // Not all there are: some would start other programs for formats that they find.
    for support in [
      archive_read_support_filter_gzip, archive_read_support_filter_bzip2, archive_read_support_filter_xz,
      archive_read_support_filter_zstd, archive_read_support_filter_lz4,
    ] { _ = support(reader) }
    archive_read_support_format_tar(reader)
    archive_read_support_format_zip(reader)
    guard archive_read_open_filename(reader, path, 1 << 20) == ARCHIVE_OK else {
      throw ArchiveProblem.unreadable(path: path, why: message(reader))
    }
    var written: [String] = []
    var entryCount = 0
    var byteCount = 0
    var entry: OpaquePointer?
    while true {
      let outcome = archive_read_next_header(reader, &entry)
      if outcome == ARCHIVE_EOF { break }
      guard outcome >= ARCHIVE_WARN, let entry else {
        throw ArchiveProblem.unreadable(path: path, why: message(reader))
      }
      entryCount += 1
      guard entryCount <= limits.entries else { throw ArchiveProblem.tooManyEntries(path: path, limit: limits.entries) }
      let name = archive_entry_pathname_utf8(entry).map { String(cString: $0) } ?? ""
      let kind = mode_t(archive_entry_filetype(entry)) & S_IFMT
      if kind == S_IFDIR { continue }
      guard kind == S_IFREG, archive_entry_hardlink(entry) == nil else {
        throw ArchiveProblem.hostileEntry(path: path, entry: name, why: "it is a link or a device")
      }
      let plain = name.hasPrefix("./") ? String(name.dropFirst(2)) : name
      guard ModelFile.isPath(plain) else {
        throw ArchiveProblem.hostileEntry(path: path, entry: name, why: "its name could leave the folder")
      }
      guard isWanted(plain) else { continue }
      let target = "\(folder)/\(plain)"
      try Files.makeFolders(Files.parent(of: target))
      guard Files.kind(target) == nil else {
        throw ArchiveProblem.hostileEntry(path: path, entry: name, why: "it comes twice")
      }
      let file = try OpenFile.creating(target)
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      while true {
        let count = buffer.withUnsafeMutableBytes { archive_read_data(reader, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw ArchiveProblem.unreadable(path: path, why: message(reader)) }
        if count == 0 { break }
        byteCount += count
        guard byteCount <= limits.byteCount else {
          throw ArchiveProblem.tooLarge(path: path, limit: limits.byteCount)
        }
        let packed = max(1, Int(archive_filter_bytes(reader, -1)))
        guard byteCount <= limits.ratioFreeByteCount || byteCount / packed <= limits.ratio else {
          throw ArchiveProblem.bomb(path: path, ratio: byteCount / packed)
        }
        try file.write(buffer.span.extracting(first: count))
        try progress(count)
      }
      written.append(plain)
    }
    return written
  }

  private static func message(_ reader: OpaquePointer) -> String {
    archive_error_string(reader).map { String(cString: $0) } ?? "it is no archive of a known kind"
  }
}

/// Why an archive is not taken.
public enum ArchiveProblem: Problem, Equatable {
  /// It is no archive, or a broken one.
  case unreadable(path: String, why: String)
  /// An entry that no honest archive of a model has.
  case hostileEntry(path: String, entry: String, why: String)
  /// More entries than a model has.
  case tooManyEntries(path: String, limit: Int)
  /// More bytes than there is room for.
  case tooLarge(path: String, limit: Int)
  /// Contents without end from a few bytes.
  case bomb(path: String, ratio: Int)

  public var code: String {
    switch self {
    case .unreadable: "archive.unreadable"
    case .hostileEntry: "archive.hostile-entry"
    case .tooManyEntries: "archive.too-many-entries"
    case .tooLarge: "archive.too-large"
    case .bomb: "archive.bomb"
    }
  }

  public var what: String {
    switch self {
    case .unreadable(let path, _): "the archive \(path) cannot be read"
    case .hostileEntry(let path, _, _): "the archive \(path) is not safe to take apart"
    case .tooManyEntries(let path, _), .tooLarge(let path, _), .bomb(let path, _): "the archive \(path) is too large"
    }
  }

  public var why: String? {
    switch self {
    case .unreadable(_, let why): why
    case .hostileEntry(_, let entry, let why): "its entry \"\(entry.prefix(120))\": \(why)"
    case .tooManyEntries(_, let limit): "it has more than \(limit) entries"
    case .bomb(_, let ratio): "a byte of it unpacks to \(ratio) and more; no model does"
    case .tooLarge(_, let limit): "its files take more than the \(limit >> 20) MiB there is room for"
    }
  }

  public var status: ExitStatus {
    switch self {
    case .unreadable, .hostileEntry, .tooManyEntries: .mismatch
    case .tooLarge, .bomb: .doesNotFit
    }
  }
}
