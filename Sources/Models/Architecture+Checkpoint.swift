// SPDX-License-Identifier: Apache-2.0
// What of a description only the tensors tell.

internal import Checkpoints
internal import Tensors

extension Architecture {
  /// The description as it holds for a checkpoint.
  ///
  /// MLX stores Qwen3-Next's norms with the one already added; the axes of its convolutions give that away.
  func settled(for checkpoint: any Checkpoint) -> Architecture {
    let isConverted = layers.contains { layer in
      guard case .deltaNet(let net) = layer.mixer, let tensor = checkpoint.tensor(net.convolution) else { return false }
      return tensor.shape.dimensions == [net.channels, net.kernel, 1]
    }
    guard isConverted else { return self }
    var settled = self
    settled.finalNorm.weightOffset = 0
    for index in settled.layers.indices {
      settled.layers[index].preAttentionNorm?.weightOffset = 0
      settled.layers[index].preFeedForwardNorm?.weightOffset = 0
      guard case .attention(var attention) = settled.layers[index].mixer else { continue }
      attention.queryNorm?.norm.weightOffset = 0
      attention.keyNorm?.norm.weightOffset = 0
      settled.layers[index].mixer = .attention(attention)
    }
    return settled
  }
}
