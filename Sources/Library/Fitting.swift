// SPDX-License-Identifier: Apache-2.0
// Whether a model of which little is known would run here: what a search can tell of each result.

public import Hub
internal import Models

/// Rules of thumb by the number of parameters.
public enum Fitting {
  /// Bits of a parameter in a 4-bit variant: groups of 64 have a scale and a bias of 16 bits each.
  private static let bitsPerParameter = 4.5

  /// Bytes of the weights with 4 bits.
  public static func byteCount(parameters: Int) -> Int { Int(Double(parameters) * bitsPerParameter / 8) }

  /// The most parameters whose 4-bit variant takes so many bytes.
  public static func parameterLimit(available: Int) -> Int { Int(Double(available) * 8 / bitsPerParameter) }

  /// Whether this program knows the architecture; nil when the hub names none.
  public static func isSupported(_ model: HubModel) -> Bool? {
    model.modelType.map { Registry.modelTypes.contains($0) || EncoderArchitecture.modelTypes.contains($0) }
  }

  /// Whether the architecture is known and the weights fit, as they are or with 4 bits.
  public static func fits(_ model: HubModel, available: Int) -> Bool {
    guard isSupported(model) == true, let count = model.parameterCount else { return false }
    return byteCount(parameters: count) <= available
  }
}
