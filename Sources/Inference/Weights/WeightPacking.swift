// SPDX-License-Identifier: Apache-2.0
// Packing: from the mapped files into one mapping of huge pages, by all cores, a few megabytes at a time. Source pages
// are given up as soon as they are packed, so that the peak stays near one copy of the weights.

import CKernels
import Glibc

/// The steps of packing.
enum WeightPacking {
  /// - Throws: `doesNotFit` when `byteCount` is more than is left.
  static func check(_ byteCount: Int, available: Int) throws(InferenceProblem) {
    guard byteCount <= available else {
      throw .doesNotFit(what: "the model", neededBytes: byteCount, availableBytes: available)
    }
  }

  /// Some blocks of one matrix.
  private struct Part {
    var weight: UnsafePointer<ck_weight>
    var destination: UnsafeMutableRawPointer
    var first: Int32
    var last: Int32
  }

  /// Source bytes of a part, about.
  private static let partBytes = 4 << 20

  /// Packs every matrix that has a place.
  static func pack(
    _ collected: borrowing WeightCollector, from stored: UnsafePointer<ck_weight>, into memory: UnsafeMutableRawPointer,
    threads: Int
  ) throws(InferenceProblem) {
    var parts: [Part] = []
    for (index, place) in collected.places.enumerated() {
      guard let place else { continue }
      let blocks = ck_packed_blocks(stored + index)
      let blockBytes = max(1, rowBytes(stored[index]) * 16)
      let step = Int32(max(1, partBytes / blockBytes))
      for first in stride(from: 0, to: blocks, by: Int(step)) {
        parts.append(
          Part(weight: stored + index, destination: memory + place, first: first, last: min(blocks, first + step)))
      }
    }
    guard !parts.isEmpty else { return }
    let pool = try KernelThreads.start(threads)
    defer { ck_pool_destroy(pool) }
    parts.withUnsafeMutableBufferPointer { parts in
      ck_pool_each(
        pool, Int32(parts.count),
        { context, number, _ in
          guard let part = context?.assumingMemoryBound(to: Part.self)[Int(number)] else { return }
          ck_pack(part.weight, part.destination, part.first, part.last)
          WeightPacking.leave(part)
        }, parts.baseAddress)
    }
  }

  /// Gives up the pages that lie wholly within the elements of a plain matrix.
  static func leave(_ weight: ck_weight) {
    leave(weight.data, bytes: Int(weight.rows) * Int(weight.inputs) * (weight.dtype == CK_F32 ? 4 : 2))
  }

  private static func rowBytes(_ weight: ck_weight) -> Int {
    let bits = weight.format == CK_AFFINE ? weight.bits : ck_small_bits(weight.format)
    return Int(weight.inputs) * Int(bits) / 8 * max(1, Int(weight.row_step))
  }

  /// Gives up the pages that lie wholly within the codes of a part; they are the file's and come back if read again.
  private static func leave(_ part: Part) {
    let size = rowBytes(part.weight.pointee)
    let rows = min(Int(part.last) * 16, Int(part.weight.pointee.rows)) - Int(part.first) * 16
    leave(part.weight.pointee.data.map { $0 + Int(part.first) * 16 * size }, bytes: rows * size)
  }

  private static func leave(_ data: UnsafeRawPointer?, bytes: Int) {
    guard let data else { return }
    let (from, to) = (Int(bitPattern: data), Int(bitPattern: data) + bytes)
    let (first, last) = (from.roundedUp(to: 4096), to / 4096 * 4096)
    if last > first, let start = UnsafeMutableRawPointer(bitPattern: first) {
      madvise(start, last - first, MADV_DONTNEED)
    }
  }
}
