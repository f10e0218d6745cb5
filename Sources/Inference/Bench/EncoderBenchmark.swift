// SPDX-License-Identifier: Apache-2.0
// Measures an encoder as it runs: from texts to vectors, tokenizing and pooling included.

/// Embeds the same texts again and again and takes the time.
public struct EncoderBenchmark: ~Copyable {
  /// What it took.
  public struct Result: Sendable {
    /// Texts a second of each repetition.
    public var samples: [Double]
    /// Their middle.
    public var median: Double { samples.sorted()[samples.count / 2] }
  }

  private var embedder: Embedder
  private let texts: [String]

  /// Tokens of all texts together, the special ones counted.
  public let tokenCount: Int
  /// Operations that all texts take together in products with weights.
  public var operations: Int { tokenCount * embedder.model.operationsPerToken }

  /// Opens the model and warms it up.
  public init(_ model: EncoderModel, texts: [String]) throws {
    var embedder = try Embedder(model)
    tokenCount = try embedder.embed(texts).reduce(0) { $0 + $1.tokenCount }
    self.texts = texts
    self.embedder = embedder
  }

  /// Texts of `count` words each that differ from one another.
  public static func samples(_ number: Int, words count: Int) -> [String] {
    let words = [
      "the", "river", "runs", "below", "an", "old", "stone", "bridge", "where", "people", "meet", "at", "noon",
    ]
    return (0..<number).map { text in
      (0..<count).map { words[($0 * (text % 7 + 1) + text) % words.count] }.joined(separator: " ")
    }
  }

  /// Embeds all texts so many times.
  public mutating func run(repetitions: Int) throws(InferenceProblem) -> Result {
    var result = Result(samples: [])
    for _ in 0..<repetitions {
      let begin = ContinuousClock.now
      _ = try embedder.embed(texts)
      result.samples.append(Double(texts.count) / (ContinuousClock.now - begin).seconds)
    }
    return result
  }
}

extension EncoderModel {
  private var matrices: [MatrixID] { layers.flatMap(\.matrices) }

  /// Multiplications and additions of the products a token goes through.
  var operationsPerToken: Int { matrices.reduce(0) { $0 + 2 * $1.outputs * $1.inputs } }
}
