// SPDX-License-Identifier: Apache-2.0
// LoRA adapters beside a model's weights: their factors in float32, found by layer and place. The model's own matrices stay
// as they are, so that sequences with different adapters, or none, run in one batch.

internal import Basics
import CKernels
public import Models

/// Matrices of a layer that an adapter may change.
enum AdapterPlace {
  /// Of queries, keys and values, in the layer's order.
  case projection(Int)
  case output, gate, up, down

  /// Places of a layer.
  static let count = 8

  /// Number within a layer.
  var index: Int {
    switch self {
    case .projection(let number): number
    case .output: 4
    case .gate: 5
    case .up: 6
    case .down: 7
    }
  }
}

/// The factors of all adapters, at addresses that stay.
///
/// Sendable: everything is written in `init` and only read afterwards.
final class AdapterWeights: @unchecked Sendable {
  /// Names of the adapters, in their order.
  let names: [String]
  /// Largest rank.
  let rank: Int
  /// [adapters, layers, places]: down [rank, inputs] and up [outputs, rank]; no rows where an adapter changes nothing.
  private let downs: UnsafeMutablePointer<ck_weight>
  private let ups: UnsafeMutablePointer<ck_weight>
  private let layers: Int
  private let memory: AnonymousMemory

  /// What one adapter does to one matrix.
  private struct Change {
    var adapter: Int
    var layer: Int
    var place: AdapterPlace
    var up: [Float]
    var down: [Float]
    var outputs: Int
    var inputs: Int
    var rank: Int

    /// Which matrix of which adapter.
    var key: [Int] { [adapter, layer, place.index] }

    mutating func join(_ other: Change) {
      var both: [Float] = []
      both.reserveCapacity(up.count + other.up.count)
      for row in 0..<outputs {
        both += up[row * rank..<(row + 1) * rank]
        both += other.up[row * other.rank..<(row + 1) * other.rank]
      }
      up = both
      down += other.down
      rank += other.rank
    }
  }

  /// Reads the factors and finds their places.
  /// - Throws: `ModelProblem` for adapters of other models, or of matrices that are not changed as the model runs.
  init(_ adapters: [NamedAdapter], for architecture: Architecture) throws {
    names = adapters.map(\.name)
    layers = architecture.layers.count
    var changes: [Change] = []
    var found: [[Int]: Int] = [:]
    let places = Self.places(architecture)
    for (number, adapter) in adapters.enumerated() {
      for update in adapter.adapters.flatMap(\.updates) {
        guard let place = places[update.path] else {
          throw ModelProblem.unsupportedFeature(
            name: "adapters of \(update.path) as the model runs (`\(Program.name) fuse` adds them)")
        }
        for change in try Self.changes(update, place, adapter: number) {
          // Two adapters of one matrix are one of the ranks' sum.
          if let other = found[change.key] {
            changes[other].join(change)
          } else {
            found[change.key] = changes.count
            changes.append(change)
          }
        }
      }
    }
    rank = changes.map(\.rank).max() ?? 0
    let count = max(1, adapters.count * layers * AdapterPlace.count)
    memory = try AnonymousMemory(
      byteCount: changes.reduce(0) { $0 + ($1.up.count + $1.down.count) * 4 }, hugePages: false)
    downs = .allocate(capacity: count)
    ups = .allocate(capacity: count)
    downs.initialize(repeating: ck_weight(), count: count)
    ups.initialize(repeating: ck_weight(), count: count)
    var next = memory.base.assumingMemoryBound(to: Float.self)
    func keep(_ values: [Float], rows: Int, inputs: Int) -> ck_weight {
      next.update(from: values, count: values.count)
      var weight = ck_weight()
      (weight.format, weight.dtype) = (CK_PLAIN, CK_F32)
      (weight.rows, weight.inputs, weight.data) = (Int32(rows), Int32(inputs), UnsafeRawPointer(next))
      next += values.count
      return weight
    }
    for change in changes {
      let index = index(change.adapter, layer: change.layer, change.place)
      downs[index] = keep(change.down, rows: change.rank, inputs: change.inputs)
      ups[index] = keep(change.up, rows: change.outputs, inputs: change.rank)
    }
  }

  deinit {
    downs.deallocate()
    ups.deallocate()
  }

  private func index(_ adapter: Int, layer: Int, _ place: AdapterPlace) -> Int {
    (adapter * layers + layer) * AdapterPlace.count + place.index
  }

  /// The factors of a place; nil when the adapter leaves it as it is.
  func factors(_ adapter: Int, layer: Int, _ place: AdapterPlace) -> (
    down: UnsafePointer<ck_weight>, up: UnsafePointer<ck_weight>
  )? {
    let index = index(adapter, layer: layer, place)
    return downs[index].rows > 0 ? (UnsafePointer(downs + index), UnsafePointer(ups + index)) : nil
  }

  // MARK: Finding places

  /// A matrix of the checkpoint and where it acts.
  private struct Target {
    var layer: Int
    /// One place, or two that share the rows of a fused matrix.
    var places: [AdapterPlace]
    var outputs: Int
    var inputs: Int
  }

  /// Matrices of plain attention and of dense MLPs by their paths.
  private static func places(_ architecture: Architecture) -> [String: Target] {
    var places: [String: Target] = [:]
    for (index, layer) in architecture.layers.enumerated() {
      func add(_ linear: Linear, _ at: [AdapterPlace]) {
        places[linear.path] = Target(layer: index, places: at, outputs: linear.outputs, inputs: linear.inputs)
      }
      if case .attention(let attention) = layer.mixer {
        for (number, linear) in attention.queryKeyValue.enumerated() { add(linear, [.projection(number)]) }
        add(attention.output, [.output])
      }
      if case .dense(let mlp) = layer.feedForward {
        if mlp.isGated && mlp.input.count == 1 {
          add(mlp.input[0], [.gate, .up])
        } else {
          if mlp.isGated { add(mlp.input[0], [.gate]) }
          add(mlp.input[mlp.input.count - 1], [.up])
        }
        add(mlp.down, [.down])
      }
    }
    return places
  }

  private static func changes(
    _ update: AdapterUpdate, _ target: Target, adapter: Int
  ) throws(ModelProblem) -> [Change] {
    let (up, down, rank) = try update.factors(outputs: target.outputs, inputs: target.inputs)
    let rows = target.outputs / target.places.count
    return target.places.enumerated().map { part, place in
      Change(
        adapter: adapter, layer: target.layer, place: place,
        up: Array(up[part * rows * rank..<(part + 1) * rows * rank]),
        down: down, outputs: rows, inputs: target.inputs, rank: rank)
    }
  }
}

/// One or several adapters, added together, and the name by which requests ask for them.
public struct NamedAdapter: Sendable {
  public var name: String
  public var adapters: [Adapter]

  public init(name: String, adapters: [Adapter]) {
    self.name = name
    self.adapters = adapters
  }
}
