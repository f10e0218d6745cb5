// SPDX-License-Identifier: Apache-2.0

import Basics
import Quantization
import Tensors
import Testing

@Suite("Policy")
struct PolicyTests {
  private func candidate(_ path: String, _ shape: [Int] = [256, 128]) throws -> Candidate {
    Candidate(path: path, shape: try Shape(shape), dtype: .bf16)
  }

  @Test("the standard format goes to every matrix it fits, embeddings too")
  func standard() throws {
    let format = try Affine(bits: 4, groupSize: 64)
    let policy = Policy(standard: format, modelType: "llama")
    for path in ["model.embed_tokens", "lm_head", "model.layers.0.mlp.down_proj"] {
      #expect(try policy.choice(for: candidate(path)) == .quantize(format, isOverride: false))
    }
  }

  @Test("a width that is no multiple of the group stays, or gets the next smaller group")
  func widths() throws {
    var policy = Policy(standard: try Affine(bits: 4, groupSize: 128), modelType: "llama")
    let odd = try candidate("a", [10, 576])
    guard case .keep(let reason) = try policy.choice(for: odd) else { return #expect(Bool(false)) }
    #expect(reason.contains("576"))
    policy.shrinksGroups = true
    #expect(try policy.choice(for: odd) == .quantize(try Affine(bits: 4, groupSize: 64), isOverride: true))
    #expect(
      try policy.choice(for: candidate("a", [10, 96]))
        == .quantize(try Affine(bits: 4, groupSize: 32), isOverride: true))
    guard case .keep = try policy.choice(for: candidate("a", [10, 100])) else { return #expect(Bool(false)) }
  }

  @Test("some architectures keep some matrices at 8 bits, as in mlx-lm")
  func architectures() throws {
    let four = try Affine(bits: 4, groupSize: 32)
    let eight = Policy.Choice.quantize(try Affine(bits: 8, groupSize: 64), isOverride: true)
    let granite = Policy(standard: four, modelType: "granite")
    #expect(try granite.choice(for: candidate("model.layers.3.self_attn.o_proj")) == eight)
    #expect(try granite.choice(for: candidate("lm_head")) == eight)
    #expect(try granite.choice(for: candidate("model.layers.3.self_attn.q_proj")) == .quantize(four, isOverride: false))
    let experts = Policy(standard: four, modelType: "qwen3_moe")
    #expect(try experts.choice(for: candidate("model.layers.0.mlp.gate")) == eight)
    #expect(try experts.choice(for: candidate("model.layers.0.mlp.navigate")) == .quantize(four, isOverride: false))
    // The override's groups of 64 do not fit: mlx-lm fails there too.
    #expect(throws: QuantizationProblem.width(tensor: "lm_head", inputs: 96, groupSize: 64)) {
      try granite.choice(for: candidate("lm_head", [8, 96]))
    }
  }

  @Test("a user's wishes come first, by whole components of the path")
  func overrides() throws {
    let (four, six) = (try Affine(bits: 4, groupSize: 64), try Affine(bits: 6, groupSize: 64))
    let policy = Policy(
      standard: four, modelType: "granite",
      overrides: [.init(suffix: "lm_head", format: nil), .init(suffix: "down_proj", format: six)])
    #expect(try policy.choice(for: candidate("lm_head")) == .keep(reason: "excluded"))
    #expect(try policy.choice(for: candidate("model.layers.1.mlp.down_proj")) == .quantize(six, isOverride: true))
    #expect(try policy.choice(for: candidate("model.slowdown_proj")) == .quantize(four, isOverride: false))
  }

  @Test("a plan adds up bytes and bits, and writes what differs into the configuration")
  func plan() throws {
    let policy = Policy(standard: try Affine(bits: 4, groupSize: 64), modelType: "granite")
    let plan = try Plan(
      policy: policy,
      candidates: [
        candidate("model.embed_tokens", [100, 64]), candidate("lm_head", [100, 64]), candidate("odd", [10, 7]),
      ],
      others: (64, 128))
    let standard = 100 * 32 + 2 * 100 * 2
    let eight = 100 * 64 + 2 * 100 * 2
    #expect(plan.entries.map(\.byteCount) == [standard, eight, 140])
    #expect(plan.byteCount == standard + eight + 140 + 128)
    #expect(plan.parameterCount == 12_800 + 70 + 64)
    #expect(plan.kept.map(\.path) == ["odd"])
    #expect(
      plan.configuration == [
        "group_size": 64, "bits": 4, "mode": "affine", "lm_head": ["group_size": 64, "bits": 8],
      ])
  }

  @Test("errors of parts add up to those of the whole")
  func report() {
    let (original, decoded): ([Float], [Float]) = ([1, 2, 3, 4], [1, 2.5, 3, 3])
    var (whole, parts, second) = (QualityReport.Errors(), QualityReport.Errors(), QualityReport.Errors())
    original.withUnsafeBufferPointer { original in
      decoded.withUnsafeBufferPointer { decoded in
        whole.add(original: original, decoded: decoded)
        parts.add(original: .init(rebasing: original[..<2]), decoded: .init(rebasing: decoded[..<2]))
        second.add(original: .init(rebasing: original[2...]), decoded: .init(rebasing: decoded[2...]))
      }
    }
    parts.add(second)
    #expect(whole == parts)
    #expect(whole.greatest == 1 && whole.rms == (1.25 / 4).squareRoot() && whole.relative == (1.25 / 30).squareRoot())
    var report = QualityReport()
    report.add("a", QualityReport.Errors())
    report.add("b", whole)
    #expect(report.worst(1).map(\.path) == ["b"] && report.total == whole)
  }

  @Test("workers do every task once and stop at the first error")
  func workers() throws {
    let seen = Tally()
    try Workers.run(count: 1000, threads: 4) { seen.add($0) }
    #expect(seen.sorted == Array(0..<1000))
    struct Stop: Error {}
    let some = Tally()
    #expect(throws: Stop.self) {
      try Workers.run(count: 100_000, threads: 3) { index in
        some.add(index)
        if index == 50 { throw Stop() }
      }
    }
    #expect(some.sorted.count < 100_000)
    try Workers.run(count: 0, threads: 8) { _ in Issue.record("nothing to do") }
  }
}
