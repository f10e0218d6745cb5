// SPDX-License-Identifier: Apache-2.0
// A content of the store as an answer: whole or a range, read from the disk piece by piece as the client takes it.

internal import Basics
internal import Glibc
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOPosix

/// Sends contents.
struct FileAnswer: Sendable {
  let path: String
  let digest: Digest
  let byteCount: Int
  let chunkByteCount: Int

  /// Keeps the descriptor open as long as the answer is being sent.
  private final class Source: Sendable {
    let file: OpenFile
    init(_ file: consuming OpenFile) { self.file = file }

    /// Bytes from an offset on.
    func bytes(_ offset: Int, _ count: Int) throws -> ByteBuffer {
      var buffer = ByteBufferAllocator().buffer(capacity: count)
      var done = 0
      while done < count {
        let step = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count - done) { raw in
          let step = pread(file.descriptor, raw.baseAddress, count - done, off_t(offset + done))
          guard step > 0 || errno == EINTR && step < 0 else {
            // The length was announced: only breaking the connection tells the client that this is not all.
            throw FileProblem.system(operation: "read", path: file.path, number: step == 0 ? EIO : errno)
          }
          return max(0, step)
        }
        done += step
      }
      return buffer
    }
  }

  /// What of the content is sent.
  private enum Part {
    case whole
    case range(Range<Int>)
    case unsatisfiable
  }

  /// The answer to a GET; for HEAD the router takes the body away.
  /// - Throws: `FileProblem` when the content is missing or has another size.
  func response(_ request: Request, headers extra: HTTPFields = [:]) async throws -> Response {
    let path = path
    let source = try await NIOThreadPool.singleton.runIfActive { Source(try OpenFile.reading(path)) }
    guard try source.file.byteCount() == byteCount else {
      throw FileProblem.wrongKind(path: path, expected: "a content of \(byteCount) bytes")
    }
    let tag = "\"\(digest.hex)\""
    var headers: HTTPFields = [.eTag: tag, .acceptRanges: "bytes", .contentType: "application/octet-stream"]
    headers = headers.merging(extra)
    if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
    switch part(request, tag) {
    case .unsatisfiable:
      headers[.contentRange] = "bytes */\(byteCount)"
      return Response(status: .rangeNotSatisfiable, headers: headers)
    case .whole:
      return Response(status: .ok, headers: headers, body: body(source, 0..<byteCount))
    case .range(let range):
      headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(byteCount)"
      return Response(status: .partialContent, headers: headers, body: body(source, range))
    }
  }

  private func body(_ source: Source, _ range: Range<Int>) -> ResponseBody {
    let chunk = chunkByteCount
    return ResponseBody(contentLength: range.count) { writer in
      var offset = range.lowerBound
      while offset < range.upperBound {
        let (start, count) = (offset, min(chunk, range.upperBound - offset))
        let buffer = try await NIOThreadPool.singleton.runIfActive { try source.bytes(start, count) }
        try await writer.write(buffer)
        offset += count
      }
      try await writer.finish(nil)
    }
  }

  /// What `Range` asks for (RFC 9110, 14.1.2); several ranges, and other units, mean the whole.
  private func part(_ request: Request, _ tag: String) -> Part {
    guard let text = request.headers[.range], text.hasPrefix("bytes=") else { return .whole }
    if let condition = request.headers[.ifRange], condition != tag { return .whole }
    let ends = text.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
      .map { $0.trimmed }
    guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else { return .whole }
    if ends[0].isEmpty {
      guard let count = Int(ends[1]) else { return .whole }
      return count > 0 && byteCount > 0 ? .range(max(0, byteCount - count)..<byteCount) : .unsatisfiable
    }
    guard let first = Int(ends[0]), first < byteCount else { return .unsatisfiable }
    guard !ends[1].isEmpty else { return .range(first..<byteCount) }
    // A number beyond 64 bits is beyond the end all the same.
    let last = min(Int(ends[1]) ?? .max, byteCount - 1)
    return last >= first ? .range(first..<last + 1) : .whole
  }
}
