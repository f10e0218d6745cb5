// SPDX-License-Identifier: Apache-2.0
// What a request sends: a piece of a file, read as the connection takes it, or bytes in memory.

package import Basics
internal import Glibc

/// The body of a request.
package struct UploadBody: Sendable {
  /// Keeps the descriptor open as long as a transfer may read it.
  private final class Source: Sendable {
    let file: OpenFile
    init(_ file: consuming OpenFile) { self.file = file }
  }

  private enum Content: Sendable {
    case bytes([UInt8])
    case file(Source, start: Int)
  }

  private let content: Content
  /// How many bytes are sent.
  package let byteCount: Int
  /// The file's path, for messages.
  package let path: String
  /// Told how many bytes have been handed to the connection; less than before when it starts over. On the transfer thread.
  package var progress: @Sendable (Int) -> Void = { _ in }

  /// Bytes in memory.
  package init(_ bytes: [UInt8]) {
    content = .bytes(bytes)
    byteCount = bytes.count
    path = "the request"
  }

  /// A part of a file.
  package init(file path: String, _ range: Range<Int>) throws(FileProblem) {
    content = .file(Source(try OpenFile.reading(path)), start: range.lowerBound)
    byteCount = range.count
    self.path = path
  }

  /// Fills the buffer from an offset on; 0 at the end, nil when the bytes cannot be had.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int? {
    let wanted = min(buffer.count, byteCount - offset)
    guard offset >= 0, wanted > 0 else { return 0 }
    switch content {
    case .bytes(let bytes):
      buffer.copyBytes(from: bytes[offset..<offset + wanted])
      return wanted
    case .file(let source, let start):
      while true {
        let count = pread(source.file.descriptor, buffer.baseAddress, wanted, off_t(start + offset))
        if count < 0 && errno == EINTR { continue }
        return count > 0 ? count : nil
      }
    }
  }
}
