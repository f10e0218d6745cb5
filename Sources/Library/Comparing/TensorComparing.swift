// SPDX-License-Identifier: Apache-2.0
// The weights of two models compared tensor by tensor, by SHA-256; which file a tensor lies in does not matter.

public import Basics
internal import Checkpoints
internal import Quantization
internal import Synchronization
internal import Tensors

/// A tensor as a comparison shows it.
public struct ComparedTensor: Sendable, Equatable {
  /// Number type, such as `BF16`.
  public let dtype: String
  /// Sizes of the axes.
  public let shape: [Int]
  /// SHA-256 of its bytes.
  public let digest: Digest

  var json: JSONValue {
    [
      "dtype": .string(dtype), "shape": .array(shape.map { JSONValue($0) }), "sha256": .string(digest.hex),
    ]
  }
}

/// A tensor that differs.
public struct TensorChange: Sendable, Equatable {
  /// Its name.
  public let name: String
  /// What each side has; nil where there is none of this name.
  public let left: ComparedTensor?
  public let right: ComparedTensor?
}

/// The outcome for all tensors.
public struct TensorComparison: Sendable, Equatable {
  /// Tensors that are the same on both sides.
  public var sameCount = 0
  /// Those that are not, by name.
  public var changes: [TensorChange] = []
}

/// Compares two checkpoints.
struct TensorComparing {
  let left: any Checkpoint
  let right: any Checkpoint
  /// Digest of a file's content by its path, where it is known: what lies in equal files need not be read.
  let fileDigests: [String: Digest]

  func run(
    threads: Int, progress: @escaping @Sendable (Int, Int) -> Void, isCancelled: @escaping @Sendable () -> Bool
  ) throws -> TensorComparison {
    let names = Set(left.names).union(right.names).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var comparison = TensorComparison()
    var open: [(name: String, left: TensorView?, right: TensorView?)] = []
    for name in names {
      let (one, other) = (left.tensor(name), right.tensor(name))
      if let one, let other, isSamePlace(one, other) {
        comparison.sameCount += 1
      } else {
        open.append((name, one, other))
      }
    }
    let work = open
    let total = work.reduce(0) { $0 + ($1.left?.byteCount ?? 0) + ($1.right?.byteCount ?? 0) }
    let done = Atomic<Int>(0)
    let changes = Mutex<[Int: TensorChange]>([:])
    try Workers.run(count: work.count, threads: threads) { index in
      func read(_ view: TensorView?) throws -> ComparedTensor? {
        guard let view else { return nil }
        var hasher = SHA256()
        var offset = 0
        while offset < view.byteCount {
          if isCancelled() { throw CancellationError() }
          let count = min(4 << 20, view.byteCount - offset)
          hasher.update(view.bytes.extracting(offset..<(offset + count)))
          offset += count
          progress(done.add(count, ordering: .relaxed).newValue, total)
        }
        return ComparedTensor(
          dtype: view.dtype.rawValue, shape: view.shape.dimensions, digest: hasher.digest)
      }
      let (one, other) = (try read(work[index].left), try read(work[index].right))
      if one != other {
        changes.withLock { $0[index] = TensorChange(name: work[index].name, left: one, right: other) }
      }
    }
    let found = changes.withLock { $0 }
    comparison.sameCount += work.count - found.count
    comparison.changes = found.sorted { $0.key < $1.key }.map(\.value)
    return comparison
  }

  private func isSamePlace(_ one: TensorView, _ other: TensorView) -> Bool {
    guard one.dtype == other.dtype, one.shape == other.shape, one.offset == other.offset,
      let digest = fileDigests[one.file.path], digest == fileDigests[other.file.path]
    else { return false }
    return true
  }
}
