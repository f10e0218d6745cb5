// SPDX-License-Identifier: Apache-2.0
// The memory of an unfinished file: one line for each block on the disk, appended after the block
// was written. It is a hint, not a proof: every line is checked against the disk before it counts,
// so that a torn line, a power cut or a foreign file cost a block and never correctness.
//
//     impetus-part 1 BYTES BLOCKBYTES
//     BLOCK CHECKSUM                     decimal, 16 hex digits

internal import Basics
internal import Glibc

/// An open journal.
struct PartJournal: ~Copyable {
  private let file: OpenFile
  /// The checksum of every block that was noted when the journal was opened.
  let noted: [Int: UInt64]

  /// Opens or begins the journal of a file; a journal of another layout is begun anew.
  init(_ path: String, _ layout: BlockLayout) throws(FileProblem) {
    let header = "impetus-part 1 \(layout.byteCount) \(layout.blockByteCount)"
    // One that another process has just removed, or that cannot be read, is begun anew.
    let text = (try? Files.read(path, limit: 256 << 20)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let isOurs = lines.first.map(String.init) == header && lines.count > 1
    let file = try OpenFile(path, flags: O_RDWR | O_CREAT | O_APPEND)
    if !isOurs { try file.truncate(to: 0) }
    // A torn last line would spoil the next one.
    let opening = !isOurs ? "\(header)\n" : lines.last?.isEmpty == false ? "\n" : ""
    try file.write(Array(opening.utf8).span)
    noted = isOurs ? Self.entries(lines.dropFirst().dropLast(), count: layout.count) : [:]
    self.file = file
  }

  static func entries(_ lines: ArraySlice<Substring>, count: Int) -> [Int: UInt64] {
    var noted: [Int: UInt64] = [:]
    for line in lines {
      let words = line.split(separator: " ")
      guard words.count == 2, let block = Int(words[0]), (0..<count).contains(block), words[1].utf8.count == 16,
        let checksum = UInt64(words[1], radix: 16)
      else { continue }
      noted[block] = checksum
    }
    return noted
  }

  /// Notes a block that is on the disk.
  func note(_ block: Int, _ checksum: UInt64) throws(FileProblem) {
    let digits = String(checksum, radix: 16)
    let line = "\(block) \(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)\n"
    try file.write(Array(line.utf8).span)
  }
}
