// SPDX-License-Identifier: Apache-2.0
// Models of random weights: every shape that a config describes can be made and run.

import Basics
import Inference
import Library
import Models
import Quantization
import Support
import Testing

@Suite("Random models")
struct RandomModelTests {
  /// Every decoder among the fixtures.
  static let configs = ((try? Files.list(Fixtures.url("models"))) ?? []).sorted().filter { name in
    let config = (try? Fixtures.bytes("models/\(name)/config.json")).flatMap { try? JSONReader.parse($0) }
    let makesEmbeddings = config?["model_type"] == "bert" || config?["use_bidirectional_attention"] == true
    return config != nil && !makesEmbeddings
  }

  /// Logits of the last position of a few tokens.
  private func logits(_ model: RandomModel, precise: Bool = false) throws -> [Float] {
    let loaded = try LoadedModel.load(
      model.snapshot,
      options: LoadedModel.Options(
        precise: precise, threads: 1, contextLength: 16, kvByteBudget: 64 << 20, sequences: 1, stepTokens: 16))
    var forward = try Forward(loaded)
    let sequence = try forward.makeSequence()
    var batch = StepBatch()
    let entry = batch.add(sequence, tokens: [1, 5, 3, 2, 7, 4], wanted: .last)
    try forward.step(&batch)
    return Array(batch.logits(ofEntry: entry))
  }

  @Test("every architecture runs on random weights and gives usable numbers", arguments: configs)
  func architectures(name: String) throws {
    #expect(Self.configs.count > 30)
    let model = try RandomModel(Fixtures.url("models/\(name)"), format: nil, packs: true)
    let values = try logits(model)
    #expect(values.allSatisfy { $0.isFinite && abs($0) < 1e4 })
    #expect(Set(values).count > values.count / 2)
    #expect(model.parameterCount > 0)
  }

  @Test("weights come in the format asked for, and are the same each time")
  func formats() throws {
    let folder = Fixtures.url("models/llama")
    let four = try RandomModel(folder, format: .affine(try Affine(bits: 4, groupSize: 32)), packs: true)
    #expect(four.quantization == "affine 4 bit, groups of 32")
    let eight = try RandomModel(folder, format: .affine(try Affine(bits: 8, groupSize: 64)), packs: false)
    #expect(eight.quantization == "affine 8 bit, groups of 64")
    #expect(try logits(eight, precise: true).allSatisfy(\.isFinite))
    let plain = try RandomModel(folder, format: .plain, packs: true)
    #expect(plain.quantization == nil)
    #expect(try logits(plain) == logits(try RandomModel(folder, format: .plain, packs: true)))
    #expect(plain.parameterCount == four.parameterCount)
  }

  @Test("floats of 4 and 8 bits are packed where the engine packs them", arguments: RandomModel.SmallFloat.allCases)
  func smallFloats(_ float: RandomModel.SmallFloat) throws {
    let model = try RandomModel(Fixtures.url("models/llama"), format: .smallFloats(float), packs: true)
    #expect(model.quantization == "\(float.rawValue) \(float.bits) bit, groups of \(float.groupSize)")
    let (fast, precise) = (try logits(model), try logits(model, precise: true))
    #expect(fast.allSatisfy { $0.isFinite && abs($0) < 1e4 } && Set(fast).count > fast.count / 2)
    // Products of e2m1 numbers have inputs of 8 bits; those of e4m3 numbers are floats in both, and only the cache differs.
    let (difference, size) = zip(fast, precise).reduce((Float(0), Float(0))) {
      ($0.0 + ($1.0 - $1.1) * ($1.0 - $1.1), $0.1 + $1.1 * $1.1)
    }
    #expect(difference > 0 && difference < (float == .mxfp8 ? 1e-5 : 0.01) * size)
  }

  @Test("a config's own format is taken, overrides included")
  func ownFormat() throws {
    let model = try RandomModel(Fixtures.url("models/qwen3-mlx-overrides"), format: nil, packs: true)
    let config = try JSONReader.parse(try Fixtures.bytes("models/qwen3-mlx-overrides/config.json"))
    #expect(model.snapshot.config["quantization"]?["bits"] == config["quantization"]?["bits"])
    for (path, setting) in config["quantization"]?.objectValue ?? JSONObject() where setting.objectValue != nil {
      #expect(model.snapshot.config["quantization"]?[path]?["bits"] == setting["bits"], "\(path)")
    }
  }

  @Test("shapes with a name have the published numbers of parameters")
  func parameters() throws {
    #expect(RandomModel.shapes.contains("llama-1b"))
    #expect(RandomModel.shapes.contains("llama-8b"))
    let smallest = try RandomModel("smollm2-135m", format: nil, packs: true)
    #expect(smallest.parameterCount == 134_515_008)
  }

  @Test("what is neither a shape nor a config is refused by name")
  func refusals() throws {
    #expect(throws: RandomProblem.self) { try RandomModel("llama-9000b", format: nil, packs: true) }
    let folder = try TemporaryFolder()
    let odd = try folder.write(
      String(decoding: Fixtures.bytes("models/llama-mlx-mxfp4/config.json"), as: UTF8.self).replacing(
        "mxfp4", with: "mxfp3"), to: "odd.json")
    #expect(throws: RandomProblem.format(mode: "mxfp3")) { try RandomModel(odd, format: nil, packs: true) }
    let list = try folder.write("[]", to: "config.json")
    #expect(throws: RandomProblem.noConfig(path: list)) { try RandomModel(list, format: nil, packs: true) }
  }
}
