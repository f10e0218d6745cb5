// SPDX-License-Identifier: Apache-2.0
// Replaces a file in one step: readers see the old bytes or the new ones, also after a power cut.

internal import Glibc

/// Writing by temporary file, flush, rename, flush of the folder.
public enum AtomicFile {
  /// Puts `bytes` at `path`, replacing what was there.
  public static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o666) throws(FileProblem) {
    let temporary = "\(path).\(Files.uniqueSuffix()).tmp"
    do throws(FileProblem) {
      let file = try OpenFile.creating(temporary, mode: mode)
      try file.write(bytes.span)
      try file.synchronize()
      try Files.rename(temporary, to: path)
    } catch {
      unsafe _ = unlink(temporary)
      throw error
    }
    try Files.synchronizeFolder(Files.parent(of: path))
  }
}
