// SPDX-License-Identifier: Apache-2.0
// Texts to vectors: tokenized, encoded in batches, pooled as the model's files say.

internal import Basics
internal import Glibc
import Models
internal import Tokenizers

/// The embedding of one text.
public struct TextEmbedding: Sendable {
  public var vector: [Float]
  /// Tokens that were read, the special ones counted.
  public var tokenCount: Int
  /// Whether the text was longer than the model reads, and was cut.
  public var isCut: Bool
}

/// Makes embeddings with one encoder. Belongs to one thread at a time.
public struct Embedder: ~Copyable {
  private var forward: EncoderForward
  private let tokenizer: Tokenizer
  private let prompt: String

  /// The model it runs.
  public var model: EncoderModel { forward.model }

  /// Numbers of an embedding.
  public var width: Int { model.snapshot.pooling.width(hidden: model.architecture.hiddenSize) }

  /// Opens a model for embedding.
  /// - Parameter prompt: name of what stands before each text; nil for what the model's files choose.
  /// - Throws: `InferenceProblem`, `ModelProblem`, or `TokenizerProblem` when the folder has no tokenizer.
  public init(_ model: EncoderModel, prompt: String? = nil) throws {
    let prompt = try model.snapshot.pooling.prompt(prompt)
    let tokenizer = try Tokenizer(folder: model.snapshot.folder)
    let forward = try EncoderForward(model)
    self.prompt = prompt
    self.tokenizer = tokenizer
    self.forward = forward
  }

  /// The embeddings of texts, in their order. Texts of like length are encoded together.
  /// - Throws: `InferenceProblem` for tokens the model does not have.
  public mutating func embed(_ texts: [String]) throws(InferenceProblem) -> [TextEmbedding] {
    let read = texts.map { cut(tokenizer.encode(prompt + $0, addSpecialTokens: true, parseSpecial: false)) }
    var results = [TextEmbedding?](repeating: nil, count: texts.count)
    var batch: [Int] = []
    var count = 0
    for index in read.indices.sorted(by: { read[$0].tokens.count > read[$1].tokens.count }) {
      let size = read[index].tokens.count
      if count + size > model.options.stepTokens, !batch.isEmpty {
        try encode(batch, read, &results)
        (batch, count) = ([], 0)
      }
      batch.append(index)
      count += size
    }
    if !batch.isEmpty { try encode(batch, read, &results) }
    return results.compactMap { $0 }
  }

  /// A text's tokens, the last ones of the text left out where there are too many; special tokens at the end stay.
  private func cut(_ tokens: [Int32]) -> (tokens: [Int32], isCut: Bool) {
    let limit = model.longestText
    guard tokens.count > limit else { return (tokens.isEmpty ? [0] : tokens, false) }
    let ending = tokens.reversed().prefix { tokenizer.isSpecial($0) }.count
    let kept = max(0, limit - ending)
    return (Array(tokens[..<kept]) + tokens[(tokens.count - min(ending, limit))...], true)
  }

  private mutating func encode(
    _ batch: [Int], _ read: [(tokens: [Int32], isCut: Bool)], _ results: inout [TextEmbedding?]
  ) throws(InferenceProblem) {
    let states = try forward.encode(batch.map { EncoderText(tokens: read[$0].tokens) })
    guard var row = states.baseAddress else { return }
    let width = model.architecture.hiddenSize
    for index in batch {
      let count = read[index].tokens.count
      let states = UnsafeBufferPointer(start: UnsafePointer(row), count: count * width)
      results[index] = TextEmbedding(
        vector: model.snapshot.pooling.vector(of: states, width: width), tokenCount: count, isCut: read[index].isCut)
      row += count * width
    }
  }
}

extension Pooling {
  /// The vector of a text from the states [tokens, width] of its tokens.
  func vector(of states: UnsafeBufferPointer<Float>, width: Int) -> [Float] {
    let count = states.count / width
    var vector: [Float] = []
    for mode in modes {
      switch mode {
      case .first: vector += states[..<width]
      case .last: vector += states[(count - 1) * width..<count * width]
      case .mean, .meanSquareRoot:
        let divisor = mode == .mean ? Double(count) : Double(count).squareRoot()
        vector += (0..<width).map { element in
          var sum = 0.0
          for token in 0..<count { sum += Double(states[token * width + element]) }
          return Float(sum / divisor)
        }
      case .largest:
        vector += (0..<width).map { element in
          (0..<count).reduce(-Float.infinity) { max($0, states[$1 * width + element]) }
        }
      }
    }
    for step in steps {
      switch step {
      case .normalize: vector = Self.normalized(vector)
      case .project(let projection): vector = projection.applied(to: vector)
      }
    }
    return vector
  }

  /// A vector scaled to length one.
  static func normalized(_ vector: [Float]) -> [Float] {
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return length > 0 ? vector.map { Float(Double($0) / max(length, 1e-12)) } : vector
  }
}

extension Projection {
  /// The product with a vector; sums in double, as few as they are.
  func applied(to vector: [Float]) -> [Float] {
    (0..<outputs).map { output in
      var sum = bias.isEmpty ? 0 : Double(bias[output])
      for input in 0..<inputs { sum += Double(weights[output * inputs + input]) * Double(vector[input]) }
      return Float(activation == .tanh ? tanh(sum) : sum)
    }
  }
}
