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

  /// Makes what is right of a damaged copy the beginning of a download, which then fetches the rest only. A copy with no
  /// other name is taken over as it is; of any other one the right bytes are copied.
  /// - Parameter wrong: bytes that are not to be believed.
  public static func begin(
    _ file: RepoFile, from copy: String, without wrong: [Range<Int>], in folder: String,
    options: DownloadOptions = DownloadOptions()
  ) throws(FileProblem) {
    try remove(file, in: folder)
    let isOurs = try Files.linkCount(copy) == 1
    if isOurs {
      try Files.makeWritable(copy)
      try Files.rename(copy, to: "\(folder)/\(file.identity.fileName).part")
    }
    let part = try PartFile(file, in: folder, blockByteCount: options.blockByteCount)
    let right = (0..<part.layout.count).filter { block in
      !wrong.contains { $0.overlaps(part.layout.bytes(of: block)) }
    }
    try isOurs ? part.accept(right) : part.copy(right, from: copy)
  }

  /// Removes what is left of a content; fine when nothing is.
  public static func remove(_ file: RepoFile, in folder: String) throws(FileProblem) {
    try Files.remove("\(folder)/\(file.identity.fileName).part")
    try Files.remove("\(folder)/\(file.identity.fileName).journal")
  }
}
