// SPDX-License-Identifier: Apache-2.0
// An encoder's plain matrices packed for products with many tokens. Encoders read whole batches of texts, so that the
// arithmetic is what takes the time, not the weights' way from memory.

import CKernels

/// The packed forms of some matrices, at addresses that stay.
///
/// Sendable: everything is written in `init` and only read afterwards.
final class EncoderPanels: @unchecked Sendable {
  private let panels: UnsafeMutablePointer<ck_panels>
  /// Where each matrix's form is among the panels, by its place in the tables.
  private let places: [Int: Int]
  private let memory: AnonymousMemory

  /// Packs those of the matrices that are plain on `threads` threads; their file's pages are given up.
  /// - Throws: `InferenceProblem` when memory or threads are not to be had.
  init(_ matrices: [MatrixID], of tables: WeightTables, isa: ck_isa, threads: Int) throws(InferenceProblem) {
    let chosen = matrices.map(\.index).filter { ck_panels_bytes(isa, tables.stored + $0) > 0 }
    memory = try AnonymousMemory(
      byteCount: chosen.reduce(0) { $0 + ck_panels_bytes(isa, tables.stored + $1) }, hugePages: true)
    let pool = try KernelThreads.start(threads)
    defer { ck_pool_destroy(pool) }
    panels = .allocate(capacity: max(1, chosen.count))
    var places: [Int: Int] = [:]
    var start = memory.base
    for (place, index) in chosen.enumerated() {
      (panels + place).initialize(to: ck_panels_view(isa, tables.stored + index, start))
      places[index] = place
      start += ck_panels_bytes(isa, tables.stored + index)
    }
    self.places = places
    for (place, index) in chosen.enumerated() {
      var work = Work(
        isa: isa, weight: tables.stored + index, destination: UnsafeMutableRawPointer(mutating: panels[place].data))
      ck_pool_each(
        pool, ck_panels_count(isa, work.weight),
        { context, number, _ in
          guard let work = context?.assumingMemoryBound(to: Work.self).pointee else { return }
          ck_panels_pack(work.isa, work.weight, work.destination, number, number + 1)
        }, &work)
      WeightPacking.leave(tables.stored[index])
    }
  }

  deinit { panels.deallocate() }

  /// The packed form of a matrix; nil where it has none.
  func panels(of matrix: MatrixID) -> UnsafePointer<ck_panels>? {
    places[matrix.index].map { UnsafePointer(panels + $0) }
  }

  /// What packing one matrix takes.
  private struct Work {
    var isa: ck_isa
    var weight: UnsafePointer<ck_weight>
    var destination: UnsafeMutableRawPointer?
  }
}
