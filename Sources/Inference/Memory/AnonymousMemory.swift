// SPDX-License-Identifier: Apache-2.0
// Large zeroed memory straight from the kernel: reserved at once, resident only where touched.

internal import Basics
internal import Glibc

/// A private anonymous mapping, unmapped with the value. Starts at a page, so any alignment holds.
struct AnonymousMemory: ~Copyable, @unchecked Sendable {
  // Sendable: a plain address range; who writes where is decided by the owner.
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// Maps at least one page.
  /// - Parameter hugePages: asks for 2 MB pages, which spare TLB misses where the whole is read.
  init(byteCount: Int, hugePages: Bool) throws(InferenceProblem) {
    let size = max(byteCount, 1).roundedUp(to: hugePages && byteCount > 4 << 20 ? 2 << 20 : 4096)
    let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let mapped, mapped != MAP_FAILED else { throw .outOfMemory(byteCount: size) }
    if hugePages { madvise(mapped, size, MADV_HUGEPAGE) }
    base = mapped
    self.byteCount = size
  }

  deinit { munmap(base, byteCount) }

  /// Gives whole pages of a range back; they read as zero afterwards.
  func forget(offset: Int, byteCount: Int) { madvise(base + offset, byteCount, MADV_DONTNEED) }
}

extension Int {
  /// The next multiple of a positive number.
  func roundedUp(to multiple: Int) -> Int { (self + multiple - 1) / multiple * multiple }
}
