// SPDX-License-Identifier: Apache-2.0
// A model's weights as the kernels take them: matrices where they lie in the mapped files or packed for the fast path,
// vectors as float32. Made once; read by every step.

import Basics
import CKernels
import Models
import Tensors

/// A matrix for `ck_linear`.
struct Matrix {
  /// As it lies in the file.
  var weight: ck_weight
  /// Packed for the fast path; nil computes on the file's bytes.
  var packed: ck_packed?
  /// [outputs]; nil when there is none.
  var bias: UnsafeMutablePointer<Float>?
  var outputs: Int { Int(weight.rows) }
  var inputs: Int { Int(weight.inputs) }
}

/// A norm with its weights.
struct NormWeights {
  var norm: Norm
  var weight: UnsafeMutablePointer<Float>
  var bias: UnsafeMutablePointer<Float>?
}

/// The weights of one layer.
struct LayerWeights {
  var queryKeyValue: [Matrix]
  var attentionOutput: Matrix
  var queryNorm: NormWeights?
  var keyNorm: NormWeights?
  var preAttention: NormWeights?
  var postAttention: NormWeights?
  var preFeedForward: NormWeights?
  var postFeedForward: NormWeights?
  var mlp: MLP
  var input: [Matrix]
  var down: Matrix
}

/// All weights of a model.
///
/// Sendable: everything is written in `init` and only read afterwards; the memory lives as long as the object, and the
/// mapped files as long as the snapshot's views, which it holds.
final class EngineWeights: @unchecked Sendable {
  let embedding: Matrix
  let layers: [LayerWeights]
  let finalNorm: NormWeights
  let output: Matrix
  private let memory: [UnsafeMutableRawPointer]
  private let views: [TensorView]

  init(_ snapshot: Snapshot, precise: Bool) throws {
    var maker = WeightMaker(reader: snapshot.weights, precise: precise)
    do {
      let architecture = snapshot.architecture
      embedding = try maker.matrix(
        Linear(
          path: architecture.embedding.path, outputs: architecture.vocabularySize, inputs: architecture.hiddenSize),
        packs: architecture.output.isTied)
      output = architecture.output.isTied ? embedding : try maker.matrix(architecture.output.linear)
      finalNorm = try maker.norm(architecture.finalNorm)
      layers = try architecture.layers.map { try maker.layer($0) }
    } catch {
      maker.memory.forEach { $0.deallocate() }
      throw error
    }
    memory = maker.memory
    views = maker.views
  }

  deinit { memory.forEach { $0.deallocate() } }
}

/// Builds weights, and remembers what has to be kept and freed.
private struct WeightMaker {
  let reader: WeightReader
  let precise: Bool
  var memory: [UnsafeMutableRawPointer] = []
  var views: [TensorView] = []

  init(reader: WeightReader, precise: Bool) {
    self.reader = reader
    self.precise = precise
  }

  mutating func layer(_ layer: LayerDescription) throws -> LayerWeights {
    guard case .dense(let mlp) = layer.feedForward else {
      throw InferenceProblem.unsupportedWeight(name: layer.attention.output.path, format: "mixture of experts")
    }
    let attention = layer.attention
    return LayerWeights(
      queryKeyValue: try attention.queryKeyValue.map { try matrix($0) },
      attentionOutput: try matrix(attention.output), queryNorm: try attention.queryNorm.map { try norm($0.norm) },
      keyNorm: try attention.keyNorm.map { try norm($0.norm) },
      preAttention: try layer.preAttentionNorm.map { try norm($0) },
      postAttention: try layer.postAttentionNorm.map { try norm($0) },
      preFeedForward: try layer.preFeedForwardNorm.map { try norm($0) },
      postFeedForward: try layer.postFeedForwardNorm.map { try norm($0) }, mlp: mlp,
      input: try mlp.input.map { try matrix($0) }, down: try matrix(mlp.down))
  }

  mutating func norm(_ norm: Norm) throws -> NormWeights {
    let weight = try reader.vector("\(norm.path).weight", count: norm.size)
    let bias = norm.bias ? try floats(try reader.vector("\(norm.path).bias", count: norm.size)) : nil
    return NormWeights(norm: norm, weight: try floats(weight), bias: bias)
  }

  mutating func matrix(_ linear: Linear, packs: Bool = true) throws -> Matrix {
    let stored = try reader.matrix(linear)
    var weight = ck_weight()
    weight.rows = Int32(stored.outputs)
    weight.inputs = Int32(stored.inputs)
    views.append(stored.weight)
    weight.data = stored.weight.unsafeBase
    switch stored.format {
    case .plain:
      weight.format = CK_PLAIN
      weight.dtype = try dtype(stored.weight, stored.path)
    case .affine(let bits, let group):
      guard let scales = stored.scales, let offsets = stored.offsets else {
        throw ModelProblem.missingTensor(name: stored.path)
      }
      views += [scales, offsets]
      weight.format = CK_AFFINE
      weight.dtype = try dtype(scales, stored.path)
      weight.bits = Int32(bits)
      weight.group = Int32(group)
      weight.scales = scales.unsafeBase
      weight.biases = offsets.unsafeBase
    default: throw InferenceProblem.unsupportedWeight(name: stored.path, format: "\(stored.format)")
    }
    return Matrix(
      weight: weight, packed: packs && !precise ? pack(&weight) : nil, bias: try stored.bias.map { try floats($0) })
  }

  private mutating func pack(_ weight: inout ck_weight) -> ck_packed? {
    let byteCount = ck_packed_bytes(&weight)
    guard byteCount > 0 else { return nil }
    let destination = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    memory.append(destination)
    ck_pack(&weight, destination, 0, ck_packed_blocks(&weight))
    return ck_packed_view(&weight, destination)
  }

  private func dtype(_ view: TensorView, _ path: String) throws -> ck_dtype {
    switch view.dtype {
    case .f32: return CK_F32
    case .f16: return CK_F16
    case .bf16: return CK_BF16
    default: throw InferenceProblem.unsupportedWeight(name: path, format: view.dtype.rawValue)
    }
  }

  private mutating func floats(_ view: TensorView) throws -> UnsafeMutablePointer<Float> {
    let values = try view.floats()
    let copy = UnsafeMutablePointer<Float>.allocate(capacity: max(1, values.count))
    copy.initialize(from: values, count: values.count)
    memory.append(UnsafeMutableRawPointer(copy))
    return copy
  }
}
