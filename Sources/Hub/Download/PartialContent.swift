// SPDX-License-Identifier: Apache-2.0
// What an earlier, interrupted download has left of a content: an estimate for plans.

public import Basics

/// Partial files in a folder, by content.
public enum PartialContent {
  /// Bytes of a content that its journal calls finished; 0 when there is none. A download checks
  /// them before it believes them, so it may fetch a little more than the rest.
  public static func notedByteCount(of file: RepoFile, in folder: String) -> Int {
    let path = "\(folder)/\(file.identity.fileName).journal"
    guard Files.isFile(path), let bytes = try? Files.read(path, limit: 256 << 20) else { return 0 }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let header = lines.first?.split(separator: " ") ?? []
    guard header.count == 4, header[0] == "impetus-part", header[1] == "1", Int(header[2]) == file.byteCount,
      let blockByteCount = Int(header[3]), blockByteCount > 0
    else { return 0 }
    let layout = BlockLayout(byteCount: file.byteCount, blockByteCount: blockByteCount)
    let noted = PartJournal.entries(lines.dropFirst(), count: layout.count)
    return noted.keys.reduce(0) { $0 + layout.bytes(of: $1).count }
  }

  /// Removes what is left of a content; fine when nothing is.
  public static func remove(_ file: RepoFile, in folder: String) throws(FileProblem) {
    try Files.remove("\(folder)/\(file.identity.fileName).part")
    try Files.remove("\(folder)/\(file.identity.fileName).journal")
  }
}
