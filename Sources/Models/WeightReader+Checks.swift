// SPDX-License-Identifier: Apache-2.0
// Every tensor an architecture names, found and checked before any of them is used.

internal import Checkpoints
internal import Tensors

extension WeightReader {
  /// Finds every tensor the architecture names.
  /// - Throws: `ModelProblem` for the first that is missing or is not as described.
  public func check(_ architecture: Architecture) throws(ModelProblem) {
    let (vocabulary, hidden) = (architecture.vocabularySize, architecture.hiddenSize)
    _ = try matrix(Linear(path: architecture.embedding.path, outputs: vocabulary, inputs: hidden))
    _ = try matrix(architecture.output.linear)
    try check(architecture.finalNorm)
    for layer in architecture.layers { try check(layer) }
  }

  func check(_ layer: LayerDescription) throws(ModelProblem) {
    switch layer.mixer {
    case .attention(let attention): try check(attention)
    case .latent(let latent): try check(latent)
    case .deltaNet(let net): try check(net)
    }
    try check(layer.preAttentionNorm)
    try check(layer.postAttentionNorm)
    try check(layer.preFeedForwardNorm)
    try check(layer.postFeedForwardNorm)
    switch layer.feedForward {
    case .dense(let mlp): try check(mlp)
    case .experts(let mixture):
      _ = try matrix(mixture.router)
      if let name = mixture.choiceBias { _ = try vector(name, count: mixture.count) }
      if let shared = mixture.shared {
        try check(shared.mlp)
        if let gate = shared.gate { _ = try matrix(gate) }
      }
      for linear in [mixture.gate, mixture.up, mixture.down] {
        for expert in 0..<mixture.count { _ = try matrix(linear, expert: expert, of: mixture.count) }
      }
    }
  }

  private func check(_ mlp: MLP) throws(ModelProblem) {
    for linear in mlp.input { _ = try matrix(linear) }
    _ = try matrix(mlp.down)
  }

  private func check(_ attention: Attention) throws(ModelProblem) {
    for linear in attention.queryKeyValue { _ = try matrix(linear) }
    _ = try matrix(attention.output)
    try check(attention.queryNorm?.norm)
    try check(attention.keyNorm?.norm)
    if let sinks = attention.sinks { _ = try vector(sinks, count: attention.heads) }
  }

  private func check(_ latent: LatentAttention) throws(ModelProblem) {
    switch latent.query {
    case .direct(let linear): _ = try matrix(linear)
    case .narrow(let down, let norm, let up):
      _ = try matrix(down)
      try check(norm)
      _ = try matrix(up)
    }
    _ = try matrix(latent.compression)
    try check(latent.compressionNorm)
    if isExpanded(latent) {
      for head in 0..<latent.heads {
        _ = try matrix(latent.keyExpansion, expert: head, of: latent.heads)
        _ = try matrix(latent.valueExpansion, expert: head, of: latent.heads)
      }
    } else {
      _ = try matrix(latent.expansion)
    }
    _ = try matrix(latent.output)
  }

  private func check(_ net: GatedDeltaNet) throws(ModelProblem) {
    for linear in [net.input, net.rates, net.output] { _ = try matrix(linear) }
    _ = try convolution(net)
    for name in [net.decay, net.timeBias] { _ = try vector(name, count: net.valueHeads) }
    try check(net.norm)
  }

  func check(_ norm: Norm?) throws(ModelProblem) {
    guard let norm else { return }
    _ = try vector("\(norm.path).weight", count: norm.size)
    if norm.bias { _ = try vector("\(norm.path).bias", count: norm.size) }
  }
}
