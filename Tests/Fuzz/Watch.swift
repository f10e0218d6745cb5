// SPDX-License-Identifier: Apache-2.0
// What outlives a crash, and what ends a hang.

import Basics
import Glibc
import Synchronization

/// A line on stderr.
func complain(_ text: String) {
  let line = Array("fuzz: \(text)\n".utf8)
  _ = write(2, line, line.count)
}

/// The input being read, in a mapped file: a copy costs no system call, and the kernel keeps it when the process dies.
final class InputRecord {
  private let base: UnsafeMutableRawPointer
  private let file: Int32
  private static let capacity = 1 << 20

  init(_ path: String) throws {
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0, ftruncate(file, off_t(Self.capacity)) == 0,
      let mapped = mmap(nil, Self.capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), mapped != MAP_FAILED
    else { throw FileProblem.notFound(path: path) }
    base = mapped
  }

  deinit {
    munmap(base, Self.capacity)
    close(file)
  }

  /// The length, then the input.
  func note(_ input: [UInt8]) {
    base.storeBytes(of: UInt64(input.count), as: UInt64.self)
    input.withUnsafeBytes { bytes in
      if let from = bytes.baseAddress { memcpy(base + 8, from, min(bytes.count, Self.capacity - 8)) }
    }
  }
}

/// Ends the process when one input takes too much processor time.
final class Watch: Sendable {
  private let started = Atomic<Int64>(-1)
  private let limit: Int

  /// - Parameter limit: seconds of processor time.
  init(limit: Int) {
    self.limit = limit
    _ = NamedThread.start("watch") { [self] in
      while true {
        sleep(1)
        let begin = started.load(ordering: .relaxed)
        if begin >= 0, Self.processorTime() - begin > Int64(limit) * 1_000_000_000 {
          complain("one input took more than \(limit) s")
          abort()
        }
      }
    }
  }

  func begin() { started.store(Self.processorTime(), ordering: .relaxed) }
  func end() { started.store(-1, ordering: .relaxed) }

  private static func processorTime() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
