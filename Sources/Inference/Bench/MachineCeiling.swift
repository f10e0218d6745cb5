// SPDX-License-Identifier: Apache-2.0
// What this machine allows at most, measured in about a second.

internal import CKernels

/// The limits that kernels are held against.
public struct MachineCeiling: Sendable {
  /// Name of the instruction set in use.
  public let isa: String
  /// Bytes a second read from memory by all threads.
  public let readBytesPerSecond: Double
  /// int8 operations a second from registers by all threads; 0 where nothing comparable exists.
  public let int8OperationsPerSecond: Double

  /// Measures: the best of several passes, since other programs only ever make one slower.
  public static func measure(threads: Int) throws(InferenceProblem) -> MachineCeiling {
    let isa = ck_isa_detect()
    let pool = try KernelThreads.start(threads)
    defer { ck_pool_destroy(pool) }
    // Several times the last cache of most processors.
    let byteCount = 512 << 20
    let memory = try AnonymousMemory(byteCount: byteCount, hugePages: true)
    for offset in stride(from: 0, to: byteCount, by: 4096) {
      memory.base.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
    }
    var (read, dots) = (0.0, 0.0)
    for _ in 0..<6 {
      read = max(read, ck_ceiling_read(pool, isa, memory.base, byteCount))
      dots = max(dots, ck_ceiling_dots(pool, isa))
    }
    return MachineCeiling(
      isa: String(cString: ck_isa_name(isa)), readBytesPerSecond: read, int8OperationsPerSecond: dots)
  }
}
