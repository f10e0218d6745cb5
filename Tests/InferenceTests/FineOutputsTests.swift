// SPDX-License-Identifier: Apache-2.0
import Inference
import Testing

@Suite("Inputs in two parts")
struct FineOutputsTests {
  /// Width, keys and values, width of the feed-forward block.
  @Test(
    "are for layers whose keys, values and output are a small part of the work",
    arguments: [
      ("Qwen2.5-0.5B", 896, 128, 4864, true), ("Qwen2.5-1.5B", 1536, 256, 8960, true),
      ("Qwen2.5-7B", 3584, 512, 18944, true), ("SmolLM2-135M", 576, 192, 1536, false),
      ("Llama-3.2-1B", 2048, 512, 8192, false), ("Llama-3.1-8B", 4096, 1024, 14336, false),
    ])
  func share(name: String, width: Int, keyValueWidth: Int, hidden: Int, isFine: Bool) {
    let fine = width * (2 * keyValueWidth + width)
    #expect(FineOutputs.pay(weights: fine, of: fine + width * width + 3 * width * hidden) == isFine)
  }
}
