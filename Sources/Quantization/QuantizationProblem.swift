// SPDX-License-Identifier: Apache-2.0
// Why weights cannot be quantized.

public import Basics

/// A request or a tensor that cannot be quantized.
public enum QuantizationProblem: Problem, Equatable {
  /// No format with these settings exists.
  case setting(bits: Int, groupSize: Int)
  /// A weight holds values that are not finite.
  case notFinite(tensor: String, count: Int)
  /// The width of a matrix is no multiple of the group it is to have.
  case width(tensor: String, inputs: Int, groupSize: Int)
  /// A weight of a type that is not quantized from.
  case elementType(tensor: String, dtype: String)
  /// The model is quantized already.
  case alreadyQuantized(folder: String)
  /// The layers' tensors would have to be taken apart in a way that is not built.
  case architecture(name: String)
  /// The caller stopped the work.
  case cancelled

  /// A stable name.
  public var code: String {
    switch self {
    case .setting: "quantization.setting"
    case .notFinite: "quantization.not-finite"
    case .width: "quantization.width"
    case .elementType: "quantization.element-type"
    case .alreadyQuantized: "quantization.already-quantized"
    case .architecture: "quantization.architecture"
    case .cancelled: "quantization.cancelled"
    }
  }

  /// What failed.
  public var what: String {
    switch self {
    case .setting(let bits, let group): "there is no affine format of \(bits) bits in groups of \(group)"
    case .notFinite(let tensor, _): "the tensor \(tensor) cannot be quantized"
    case .width(let tensor, _, _): "the tensor \(tensor) cannot be quantized"
    case .elementType(let tensor, _): "the tensor \(tensor) cannot be quantized"
    case .alreadyQuantized(let folder): "the model in \(folder) is quantized already"
    case .architecture(let name): "models of the architecture \(name) cannot be quantized yet"
    case .cancelled: "quantization was stopped"
    }
  }

  /// Why, with numbers.
  public var why: String? {
    switch self {
    case .setting: "bits are 2, 3, 4, 5, 6 or 8, groups 32, 64 or 128"
    case .notFinite(_, let count):
      "it holds \(count == 1 ? "a value that is" : "\(count) values that are") no finite number"
    case .width(_, let inputs, let group): "its width \(inputs) is no multiple of the group size \(group)"
    case .elementType(_, let dtype): "its elements are \(dtype); F32, F16 and BF16 can be quantized"
    case .alreadyQuantized: "its config.json has a quantization entry"
    case .architecture: "its tensors have to be taken apart as MLX does, which is not built"
    case .cancelled: nil
    }
  }

  /// What to do.
  public var remedy: String? {
    switch self {
    case .notFinite: "fetch the model again; if the file is as published, its authors have to mend it"
    case .width: "choose a smaller group with --group-size"
    case .alreadyQuantized: "quantize the unquantized original"
    case .architecture: "pull a variant that is quantized already; it runs"
    default: nil
    }
  }

  /// The exit code.
  public var status: ExitStatus {
    switch self {
    case .setting: .usage
    case .notFinite: .mismatch
    case .width, .elementType, .alreadyQuantized, .architecture: .unsupported
    case .cancelled: .failure
    }
  }
}
