// SPDX-License-Identifier: Apache-2.0
// The threads that kernels run on.

internal import Basics
import CKernels

/// Pools of threads for the kernels.
enum KernelThreads {
  /// Starts a pool; the caller destroys it. No more of its threads get work than there are cores for this process, whatever
  /// was asked for: more would be slower than one.
  /// - Throws: `InferenceProblem.outOfMemory` when threads are not to be had.
  static func start(_ count: Int) throws(InferenceProblem) -> OpaquePointer {
    guard let pool = ck_pool_create(Int32(count)) else { throw .outOfMemory(byteCount: 0) }
    if let limit = Processor.coreLimit { ck_pool_limit(pool, Int32(min(limit, count))) }
    return pool
  }
}
