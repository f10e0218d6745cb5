// SPDX-License-Identifier: Apache-2.0
// Packed weights kept beside the store's snapshots, so that the next start maps them instead of packing again.
//
// A file holds one page of head, then the bytes as `WeightPacking` lays them out. Its name has the digest of what was
// packed and the layout's version; the head has the digest of the table of matrices, so that a file of another program
// version is never taken for one's own. The file gets its name only when all of it is on the disk.

public import Basics
import CKernels
import Glibc

/// Where the packed weights of one model are kept.
public struct PackCache: Sendable, Equatable {
  /// The layout of the bytes: blocks of 16 rows, the same for all instruction sets. Part of every file's name; another
  /// layout needs another name.
  public static let layout = "rows16-1"

  /// The file.
  public let path: String

  /// - Parameters:
  ///   - folder: made when it is needed.
  ///   - source: the digest of what is packed, such as a manifest's.
  public init(folder: String, source: Digest) { path = "\(folder)/\(source.hex).\(Self.layout)" }

  /// The digest in a file's name; nil when the name is none of a cache.
  public static func source(ofName name: String) -> Digest? {
    name.utf8.count > 64 ? Digest(hex: String(name.prefix(64))) : nil
  }
}

/// The first page of a cache file.
struct PackHead: Equatable {
  static let byteCount = 4096
  private static let magic = Array("impetus packed 1".utf8)

  /// Bytes that follow the head.
  var packedBytes: Int
  /// Digest of the table of matrices.
  var table: Digest
  /// Digest of the packed bytes.
  var content: Digest

  init(packedBytes: Int, table: Digest, content: Digest) {
    (self.packedBytes, self.table, self.content) = (packedBytes, table, content)
  }

  /// Bytes that are not zero: magic, size, digests as hex.
  static let usedBytes = 16 + 8 + 64 + 64

  /// Reads a head; nil when the bytes are none.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Self.usedBytes, Array(bytes[0..<16]) == Self.magic, bytes[23] < 0x80,
      let table = Digest(hex: String(decoding: bytes[24..<88], as: UTF8.self)),
      let content = Digest(hex: String(decoding: bytes[88..<152], as: UTF8.self))
    else { return nil }
    packedBytes = bytes[16..<24].reversed().reduce(0) { $0 << 8 | Int($1) }
    (self.table, self.content) = (table, content)
  }

  var bytes: [UInt8] {
    let size = (0..<8).map { UInt8(truncatingIfNeeded: packedBytes >> (8 * $0)) }
    let all = Self.magic + size + Array(table.hex.utf8) + Array(content.hex.utf8)
    return all + Array(repeating: 0, count: Self.byteCount - all.count)
  }

  /// Digest of what is packed where: kinds, shapes and places of all matrices.
  static func table(_ collected: borrowing WeightCollector) -> Digest {
    var numbers: [Int] = []
    for (weight, place) in zip(collected.weights, collected.places) {
      guard let place else { continue }
      numbers += [
        place, Int(weight.rows), Int(weight.inputs),
        weight.format == CK_AFFINE ? Int(weight.bits) : -Int(weight.format.rawValue), Int(weight.group),
        Int(weight.dtype.rawValue),
      ]
    }
    return Digest.of(numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } })
  }
}

extension PackCache {
  /// Maps the file if it holds exactly these matrices.
  func mapped(packedBytes: Int, table: Digest) -> FileMemory? {
    guard let file = try? OpenFile.reading(path), let head = Self.head(file) else { return nil }
    guard head.packedBytes == packedBytes, head.table == table else { return nil }
    return FileMemory(file, offset: PackHead.byteCount, byteCount: packedBytes, writes: false)
  }

  /// The head of a file that is as long as it says.
  private static func head(_ file: borrowing OpenFile) -> PackHead? {
    var bytes = [UInt8](repeating: 0, count: PackHead.usedBytes)
    guard (try? file.read(into: &bytes, at: 0)) == bytes.count, let head = PackHead(bytes),
      let size = try? file.byteCount(), size - PackHead.byteCount == head.packedBytes
    else { return nil }
    return head
  }

  /// Reads a cache file and compares it with the digest in its head.
  /// - Returns: whether every byte is as it was written; false for anything that is no such file.
  public static func isWhole(_ path: String) -> Bool {
    guard let file = try? OpenFile.reading(path), let head = head(file) else { return false }
    var hasher = SHA256()
    let isRead: Void? = try? file.forEachPiece(ofByteCount: 1 << 20, from: PackHead.byteCount) { hasher.update($0) }
    return isRead != nil && hasher.digest == head.content
  }
}

/// A cache file that is being made: nameless until it is complete, so that a process that ends leaves nothing behind.
struct NewPackFile: ~Copyable, Sendable {
  /// O_TMPFILE of open(2), which the importer of C's macros does not know.
  private static let nameless = 0o20000000 | O_DIRECTORY

  private let file: OpenFile
  private let path: String

  /// Reserves the room; nil where there is not twice as much as needed, or the folder cannot hold such a file.
  init?(_ cache: PackCache, packedBytes: Int) {
    let folder = Files.parent(of: cache.path)
    guard (try? Files.makeFolders(folder)) != nil else { return nil }
    let size = PackHead.byteCount + packedBytes
    var disk = statvfs()
    guard statvfs(folder, &disk) == 0, Int(disk.f_bavail) * Int(disk.f_frsize) > 2 * size else { return nil }
    guard let file = try? OpenFile(folder, flags: Self.nameless | O_RDWR, mode: 0o644),
      posix_fallocate(file.descriptor, 0, off_t(size)) == 0
    else { return nil }
    self.file = file
    path = cache.path
  }

  /// The bytes behind the head, for packing.
  func memory(byteCount: Int) -> FileMemory? {
    FileMemory(file, offset: PackHead.byteCount, byteCount: byteCount, writes: true)
  }

  /// Writes the head and gives the file its name, when everything is on the disk. Never fails: without a file the next
  /// start packs again.
  func complete(_ packed: UnsafeRawBufferPointer, table: Digest) {
    var hasher = SHA256()
    hasher.update(Span(_unsafeBytes: packed))
    let head = PackHead(packedBytes: packed.count, table: table, content: hasher.digest)
    do {
      try file.write(head.bytes.span, at: 0)
      try file.synchronize()
    } catch { return }
    if linkat(AT_FDCWD, "/proc/self/fd/\(file.descriptor)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 {
      try? Files.synchronizeFolder(Files.parent(of: path))
    }
  }
}

/// A part of a file in memory, unmapped with the value.
struct FileMemory: ~Copyable, @unchecked Sendable {
  // Sendable: a plain address range; whoever writes does so before anyone else reads.
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// - Parameter offset: a multiple of the page size.
  init?(_ file: borrowing OpenFile, offset: Int, byteCount: Int, writes: Bool) {
    let protection = writes ? PROT_READ | PROT_WRITE : PROT_READ
    let mapped = mmap(nil, byteCount, protection, MAP_SHARED, file.descriptor, off_t(offset))
    guard let mapped, mapped != MAP_FAILED else { return nil }
    madvise(mapped, byteCount, MADV_HUGEPAGE)
    if !writes { madvise(mapped, byteCount, MADV_WILLNEED) }
    base = mapped
    self.byteCount = byteCount
  }

  deinit { munmap(base, byteCount) }
}
