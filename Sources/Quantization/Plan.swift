// SPDX-License-Identifier: Apache-2.0
// What quantizing a model will give, known before a byte of weights is read.

public import Basics
internal import Tensors

/// The choice for every matrix of a model, and what follows from it.
public struct Plan: Sendable, Equatable {
  /// A matrix and what happens to it.
  public struct Entry: Sendable, Equatable {
    /// The matrix.
    public let candidate: Candidate
    /// What happens to it.
    public let choice: Policy.Choice

    /// Bytes the matrix takes afterwards, with scales and biases.
    public var byteCount: Int {
      let (shape, dtype) = (candidate.shape, candidate.dtype)
      guard case .quantize(let format, _) = choice else { return dtype.byteCount(elements: shape.elementCount) ?? 0 }
      let groups = shape.rowCount * format.groups(inputs: shape.rowLength)
      return shape.rowCount * format.codeByteCount(inputs: shape.rowLength) + 2 * groups * dtype.bitCount / 8
    }
  }

  /// The policy that decided.
  public let policy: Policy
  /// Every matrix, in the order of the model.
  public let entries: [Entry]
  /// Elements that are never quantized: norms, biases.
  public let otherCount: Int
  /// Bytes of those elements.
  public let otherByteCount: Int

  /// Decides about all candidates.
  /// - Parameters:
  ///   - candidates: matrices in the order of the model.
  ///   - others: elements and bytes of everything else.
  /// - Throws: `QuantizationProblem.width` when an override does not fit.
  public init(
    policy: Policy, candidates: [Candidate], others: (elements: Int, bytes: Int)
  ) throws(QuantizationProblem) {
    var entries: [Entry] = []
    for candidate in candidates {
      entries.append(Entry(candidate: candidate, choice: try policy.choice(for: candidate)))
    }
    self.policy = policy
    self.entries = entries
    otherCount = others.elements
    otherByteCount = others.bytes
  }

  /// Elements of the model.
  public var parameterCount: Int { entries.reduce(otherCount) { $0 + $1.candidate.shape.elementCount } }
  /// Bytes of all tensors afterwards.
  public var byteCount: Int { entries.reduce(otherByteCount) { $0 + $1.byteCount } }
  /// Bits an element takes on average, scales and unquantized tensors included.
  public var bitsPerWeight: Double { Double(byteCount) * 8 / Double(max(1, parameterCount)) }
  /// Matrices that stay, with the reason.
  public var kept: [(path: String, reason: String)] {
    entries.compactMap { entry in
      if case .keep(let reason) = entry.choice { (entry.candidate.path, reason) } else { nil }
    }
  }

  /// The `quantization` object of config.json: the standard, then every module that differs. A module
  /// without an entry and without scales is read as unquantized.
  public var configuration: JSONObject {
    var object: JSONObject = [
      "group_size": JSONValue(policy.standard.groupSize), "bits": JSONValue(policy.standard.bits), "mode": "affine",
    ]
    for entry in entries {
      guard case .quantize(let format, isOverride: true) = entry.choice else { continue }
      object[entry.candidate.path] = ["group_size": JSONValue(format.groupSize), "bits": JSONValue(format.bits)]
    }
    return object
  }
}
