// SPDX-License-Identifier: Apache-2.0
// Results go to stdout, everything else to stderr. A reader that went away ends the program quietly.

import Basics
import Glibc
import Synchronization

/// One of the two streams, with a buffer where nobody watches it grow.
final class Output: Sendable {
  /// Results.
  static let standard = Output(descriptor: 1)
  /// Notes, progress and problems.
  static let error = Output(descriptor: 2)

  private let descriptor: Int32
  private let buffer = Mutex<[UInt8]>([])
  /// Whether a person watches this stream.
  let isTerminal: Bool

  private init(descriptor: Int32) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
  }

  /// Writes text; with `now` it is visible at once, else when the buffer fills or ends.
  func write(_ text: String, now: Bool = false) {
    buffer.withLock { bytes in
      bytes.append(contentsOf: text.utf8)
      if now || isTerminal || descriptor == 2 || bytes.count > 1 << 16 { drain(&bytes) }
    }
  }

  /// Writes text and a line end.
  func line(_ text: String = "") { write(text + "\n") }

  /// Writes what is still held.
  func flush() { buffer.withLock { drain(&$0) } }

  private func drain(_ bytes: inout [UInt8]) {
    var done = 0
    while done < bytes.count {
      let step = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
      if step < 0 && errno == EINTR { continue }
      if step < 0 && errno == EAGAIN {
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&poller, 1, 1000)
        continue
      }
      if step <= 0 {
        // The status a shell shows for a program killed by SIGPIPE.
        if descriptor == 1 && errno == EPIPE { _exit(128 + SIGPIPE) }
        if descriptor == 1 { _exit(ExitStatus.failure.rawValue) }
        break
      }
      done += step
    }
    bytes.removeAll(keepingCapacity: true)
  }

  /// Prints a JSON document with a line end, indented for a person.
  func json(_ value: JSONValue) {
    line(JSONWriter.string(value, options: isTerminal ? .pretty : .compact))
  }
}
