// SPDX-License-Identifier: Apache-2.0
// A feed-forward half of many MLPs, of which each position uses a few.

/// A router that sends each position to a few of many gated MLPs and adds their outputs.
public struct MixtureOfExperts: Sendable, Equatable {
  public var router: Linear
  public var count: Int
  public var perToken: Int
  /// From the router's logits to the weights of the experts.
  public var scoring = Scoring.softmax
  /// Whether the chosen weights are scaled to sum up to one.
  public var normalizesChosen: Bool
  /// Factor on the weights after that (DeepSeek).
  public var weightScale: Float = 1
  /// Name of a tensor [experts] added to the scores for the choice alone (DeepSeek V3).
  public var choiceBias: String?
  /// Only experts of the best groups may be chosen.
  public var groups: ExpertGroups?
  /// Width between the halves of an expert.
  public var size: Int
  public var activation: Activation
  public var gate: ExpertLinear
  public var up: ExpertLinear
  public var down: ExpertLinear
  /// An MLP every position passes besides.
  public var shared: SharedExpert?

  /// How logits become scores.
  public enum Scoring: Sendable, Equatable { case softmax, sigmoid }
}

/// Experts in groups of equal size; a position may use those of a few groups only.
public struct ExpertGroups: Sendable, Equatable {
  public var count: Int
  /// Groups that may be used.
  public var chosen: Int
  /// What ranks a group: its best score, or the sum of its two best.
  public var ranking: Ranking

  /// How groups are compared.
  public enum Ranking: Sendable, Equatable { case best, twoBest }
}

/// The MLP beside the experts.
public struct SharedExpert: Sendable, Equatable {
  public var mlp: MLP
  /// One number a position, whose sigmoid is the factor on the MLP's output (Qwen3-Next).
  public var gate: Linear?
}

/// The same matrix of every expert, under any of the names it is published with.
public struct ExpertLinear: Sendable, Equatable {
  /// One tensor an expert; `*` stands for the expert's number.
  public var eachPath: String
  /// All experts in one tensor [experts, outputs, inputs], as MLX stores them.
  public var stackedPath: String
  public var outputs: Int
  public var inputs: Int
  /// Biases [experts, outputs] beside them.
  public var bias = false
  /// Where gpt-oss keeps it.
  public var interleaved: InterleavedExperts?

  /// The path of one expert's own tensor.
  public func path(of expert: Int) -> String {
    eachPath.split(separator: "*", omittingEmptySubsequences: false).joined(separator: "\(expert)")
  }
}

/// A tensor of all experts in which the outputs of several matrices take turns (gpt-oss).
///
/// Plain: PATH [experts, inputs, parts * outputs]. MXFP4: PATH_blocks [experts, parts * outputs, inputs / 32, 16] and PATH_scales
/// [experts, parts * outputs, inputs / 32]. Biases: PATH_bias [experts, parts * outputs].
public struct InterleavedExperts: Sendable, Equatable {
  public var path: String
  /// Outputs part, part + parts, part + 2 * parts... belong to this matrix.
  public var part: Int
  public var parts: Int
}
