// SPDX-License-Identifier: Apache-2.0
// Embeddings from the states of a decoder: EmbeddingGemma, which sees both ways, and models like Qwen3-Embedding, which do not.

extension EncoderArchitecture {
  /// A decoder without its output.
  /// - Throws: `ModelProblem.unsupportedFeature` for layers that only the decoder's forward pass computes.
  init(decoder: Architecture) throws(ModelProblem) {
    let attentions = decoder.layers.compactMap { Self.plain($0) }
    guard attentions.count == decoder.layers.count, let first = attentions.first,
      attentions.allSatisfy({
        ($0.heads, $0.keyValueHeads, $0.headSize) == (first.heads, first.keyValueHeads, first.headSize)
      })
    else { throw .unsupportedFeature(name: "embeddings of the architecture \"\(decoder.modelType)\"") }
    self.init(
      modelType: decoder.modelType, vocabularySize: decoder.vocabularySize, hiddenSize: decoder.hiddenSize,
      contextLength: min(decoder.contextLength, decoder.contextBound ?? .max), positionOffset: 0,
      words: decoder.embedding.path, positions: nil, types: nil, positionCount: 0, typeCount: 1,
      embeddingScale: decoder.embedding.scale, ropes: decoder.ropes, layers: decoder.layers, normsSums: false,
      isCausal: !decoder.isBidirectional, finalNorm: decoder.finalNorm)
  }

  /// The attention of a layer whose halves are plain, one behind the other.
  private static func plain(_ layer: LayerDescription) -> Attention? {
    guard case .attention(let attention) = layer.mixer, case .dense = layer.feedForward, !layer.isParallel,
      layer.residualScale == 1, attention.sinks == nil, !attention.isGated,
      attention.queryNorm?.perHead != false, attention.keyNorm?.perHead != false
    else { return nil }
    return attention
  }
}
