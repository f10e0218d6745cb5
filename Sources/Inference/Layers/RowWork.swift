// SPDX-License-Identifier: Apache-2.0
// Work on the rows of a buffer outside the products: a norm in place, then adding to the residual stream. A few rows
// are done at once on the calling thread, many by the pool.

import CKernels

/// rows = norm(rows), and stream += scale * rows where there is a stream.
struct RowWork {
  var isa: ck_isa
  var norm: ck_norm
  /// [count, stride], of which `width` are used.
  var rows: UnsafeMutablePointer<Float>
  var stride: Int
  var width: Int
  var count: Int
  /// Rows like `rows`; nil leaves it at the norm.
  var stream: UnsafeMutablePointer<Float>?
  var scale: Float = 1

  /// Fewer rows than this are not worth waking threads for.
  private static let serialRows = 8
  private static let partRows = 8

  func run(_ pool: OpaquePointer) {
    guard norm.kind != CK_NORM_NONE || stream != nil else { return }
    if count < Self.serialRows { return part(0..<count) }
    var work = self
    ck_pool_each(
      pool, Int32((count + Self.partRows - 1) / Self.partRows),
      { context, number, _ in
        guard let work = context?.assumingMemoryBound(to: RowWork.self).pointee else { return }
        let first = Int(number) * RowWork.partRows
        work.part(first..<min(first + RowWork.partRows, work.count))
      }, &work)
  }

  private func part(_ range: Range<Int>) {
    let n = Int32(width)
    for index in range {
      let x = rows + index * stride
      switch norm.kind {
      case CK_NORM_RMS: ck_rms_norm(isa, x, norm.weight, norm.offset, norm.epsilon, n, x)
      case CK_NORM_LAYER: ck_layer_norm(isa, x, norm.weight, norm.bias, norm.epsilon, n, x)
      default: break
      }
      if let stream { ck_add_scaled(isa, stream + index * stride, x, scale, n) }
    }
  }
}
