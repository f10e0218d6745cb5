// SPDX-License-Identifier: Apache-2.0
// The tensors of a checkpoint that another program quantized, gathered into matrices.

public import Checkpoints
public import Tensors

/// A foreign checkpoint as matrices and other tensors.
public struct ForeignCheckpoint: Sendable {
  /// A matrix or tensor of the model.
  public enum Item: Sendable {
    case integers(IntegerMatrix)
    case floats(Float8Matrix)
    /// Anything that is not quantized, by name.
    case other(String, TensorView)

    /// Module path of a matrix, name of another tensor.
    public var name: String {
      switch self {
      case .integers(let matrix): matrix.path
      case .floats(let matrix): matrix.path
      case .other(let name, _): name
      }
    }
  }

  /// In the order of their names.
  public let items: [Item]
  /// Elements of the model, codes counted as such.
  public let parameterCount: Int

  /// Ends of the names of tensors that belong to a quantized matrix.
  private static let parts = [
    "qzeros", "scales", "g_idx", "weight_scale", "weight_scale_inv", "weight_zero_point", "weight_shape",
    "weight_g_idx",
  ]
  /// Ends of the names of tensors that only a quantized computation would use.
  private static let unused = [
    "input_scale", "input_zero_point", "output_scale", "output_zero_point", "k_scale", "v_scale", "activation_scale",
    "weight_scale_ub", "input_scale_ub",
  ]

  /// Gathers and checks; reads no codes.
  /// - Throws: `ModelProblem` naming the tensor that does not fit.
  public init(_ checkpoint: any Checkpoint, _ settings: ForeignQuantization) throws(ModelProblem) {
    let reader = ForeignReader(checkpoint: checkpoint, settings: settings)
    var items: [Item] = []
    var used: Set<String> = []
    for name in checkpoint.names {
      guard let (module, end) = Self.split(name), let view = checkpoint.tensor(name) else { continue }
      let item: Item? =
        switch (end, view.dtype) {
        case ("qweight", _):
          .integers(settings.method == .awq ? try reader.awq(module, view) : try reader.gptq(module, view))
        case ("weight_packed", _): .integers(try reader.packed(module, view))
        case ("weight", .i8): .integers(try reader.bytes(module, view))
        case ("weight", .f8e4m3), ("weight", .f8e5m2): .floats(try reader.float8(module, view))
        default: nil
        }
      guard let item else { continue }
      items.append(item)
      used.insert(name)
      for part in Self.parts { used.insert("\(module).\(part)") }
    }
    for name in checkpoint.names where !used.contains(name) {
      if let (_, end) = Self.split(name), Self.unused.contains(end) { continue }
      if let view = checkpoint.tensor(name) { items.append(.other(name, view)) }
    }
    self.items = items.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    parameterCount = items.reduce(0) { sum, item in
      switch item {
      case .integers(let matrix): sum + matrix.outputs * matrix.inputs
      case .floats(let matrix): sum + matrix.outputs * matrix.inputs
      case .other(_, let view): sum + view.shape.elementCount
      }
    }
  }

  /// Whether anything in it is quantized.
  public var hasMatrices: Bool {
    items.contains { if case .other = $0 { false } else { true } }
  }

  private static func split(_ name: String) -> (module: String, end: String)? {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    return (String(name[..<dot]), String(name[name.utf8.index(after: dot)...]))
  }
}
