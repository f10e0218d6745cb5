// SPDX-License-Identifier: Apache-2.0
// The packed matrices of a model in memory: mapped from a cache file, packed into a new one, or packed into memory.

import Basics
import CKernels
import Synchronization

/// The memory of all packed matrices. Written while it is made and only read afterwards.
final class PackedWeights: @unchecked Sendable {
  // Sendable: the address range is read-only once `init` has returned, also for the thread that completes the file.
  private enum Store: ~Copyable {
    case memory(AnonymousMemory)
    case file(FileMemory)
  }

  private let store: Store
  /// Start of the packed matrices.
  let base: UnsafeMutableRawPointer
  /// Whether the bytes were found in a cache file.
  let isPackedBefore: Bool
  /// A cache file on its way to the disk.
  private let completion: Completion?

  /// Maps what is cached, or packs on `threads` threads.
  /// - Throws: `InferenceProblem.doesNotFit` when the packed weights exceed the memory that is left.
  init(
    _ collected: borrowing WeightCollector, from stored: UnsafePointer<ck_weight>, cache: PackCache?, threads: Int
  ) throws(InferenceProblem) {
    let size = collected.byteCount
    try WeightPacking.check(size, available: Memory.available)
    if size > 0, let cache {
      let table = PackHead.table(collected)
      if let found = cache.mapped(packedBytes: size, table: table) {
        base = found.base
        store = .file(found)
        isPackedBefore = true
        completion = nil
        return
      }
      if let new = NewPackFile(cache, packedBytes: size), let memory = new.memory(byteCount: size) {
        base = memory.base
        store = .file(memory)
        isPackedBefore = false
        try WeightPacking.pack(collected, from: stored, into: base, threads: threads)
        completion = Completion(new, packed: UnsafeRawBufferPointer(start: base, count: size), table: table)
        return
      }
    }
    isPackedBefore = false
    let memory = try AnonymousMemory(byteCount: size, hugePages: true)
    base = memory.base
    store = .memory(memory)
    completion = nil
    try WeightPacking.pack(collected, from: stored, into: base, threads: threads)
  }

  /// Waits until a cache file that is being made is complete.
  func settle() { completion?.wait() }

  deinit { settle() }
}

/// A cache file on its way to the disk, by a thread of its own.
private final class Completion: Sendable {
  private struct Work: ~Copyable, @unchecked Sendable {
    // Sendable: the bytes are only read from here on, and stay until `wait` has returned.
    let file: NewPackFile
    let packed: UnsafeRawBufferPointer
    let table: Digest
  }

  private let bell = Bell()
  private let isDone = Mutex(false)

  init(_ file: consuming NewPackFile, packed: UnsafeRawBufferPointer, table: Digest) {
    let work = Mutex<Work?>(Work(file: file, packed: packed, table: table))
    let box = Box(work: consume work)
    let started = NamedThread.start("pack cache") { [bell] in
      box.run()
      bell.ring()
    }
    if !started { isDone.withLock { $0 = true } }
  }

  private final class Box: Sendable {
    private let work: Mutex<Work?>
    init(work: consuming Mutex<Work?>) { self.work = work }
    func run() {
      work.withLock { work in
        if let one = work.take() { one.file.complete(one.packed, table: one.table) }
      }
    }
  }

  func wait() {
    isDone.withLock { done in
      if !done { bell.wait() }
      done = true
    }
  }
}
