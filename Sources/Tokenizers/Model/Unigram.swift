// SPDX-License-Identifier: Apache-2.0
// The unigram model of SentencePiece as the `tokenizers` library runs it: of all ways to cut a word into tokens
// the one whose scores add up highest, the first found of equals.

/// The model of a Unigram tokenizer.
struct Unigram: Sendable {
  let vocabulary: Vocabulary
  private let tree: PrefixTree
  private let scores: [Double]
  private let unknown: TokenID?
  private let unknownScore: Double
  private let byteTokens: [TokenID]?

  /// - Parameter scores: one for each token number.
  init(vocabulary: Vocabulary, scores: [Double], unknown: TokenID?, byteTokens: [TokenID]?) {
    self.vocabulary = vocabulary
    self.scores = scores
    self.unknown = unknown
    self.byteTokens = byteTokens
    unknownScore = (scores.min() ?? 0) - 10
    var tree = PrefixTree(capacity: vocabulary.count)
    for id in scores.indices {
      // A token that is listed twice counts with its last number.
      guard let bytes = vocabulary.bytes(TokenID(id)) else { continue }
      tree.add(Array(bytes), TokenID(id))
    }
    self.tree = tree
  }

  /// The best path so far to an offset.
  private struct Step {
    var score = 0.0
    var start: Int32 = -1
    var token: TokenID = 0
  }

  /// The tokens of one word. Where no token fits and the vocabulary has none for that, the character is left out.
  func encode(_ text: Span<UInt8>, _ range: Range<Int>, into output: inout [TokenID]) {
    var steps = [Step](repeating: Step(), count: range.count + 1)
    var start = range.lowerBound
    while start < range.upperBound {
      let length = text.scalar(at: start).length
      let score = steps[start - range.lowerBound].score
      var hasSingle = false
      func offer(_ token: TokenID, _ end: Int, _ candidate: Double) {
        let place = end - range.lowerBound
        guard steps[place].start < 0 || candidate > steps[place].score else { return }
        steps[place] = Step(score: candidate, start: Int32(start - range.lowerBound), token: token)
      }
      tree.forEachToken(text, from: start, to: range.upperBound) { token, end in
        offer(token, end, scores[Int(token)] + score)
        if end - start == length { hasSingle = true }
      }
      if !hasSingle { offer(unknown ?? -1, start + length, unknownScore + score) }
      start += length
    }
    trace(steps, text, range, into: &output)
  }

  /// Walks the best path back; unknown stretches are one.
  private func trace(_ steps: [Step], _ text: Span<UInt8>, _ range: Range<Int>, into output: inout [TokenID]) {
    var parts: [(token: TokenID, start: Int, end: Int)] = []
    var end = range.count
    while end > 0 {
      let step = steps[end]
      let (token, start) = (step.token, Int(step.start))
      guard start >= 0, start < end else { break }
      if let last = parts.last, token == last.token, token == unknown ?? -1 {
        parts[parts.count - 1].start = start
      } else {
        parts.append((token, start, end))
      }
      end = start
    }
    for part in parts.reversed() {
      guard part.token == unknown ?? -1 else {
        output.append(part.token)
        continue
      }
      addUnknown(text, part.start + range.lowerBound, part.end - part.start, into: &output)
    }
  }

  private func addUnknown(_ text: Span<UInt8>, _ start: Int, _ count: Int, into output: inout [TokenID]) {
    let known = vocabulary.find(text, start, count)
    if known >= 0 { return output.append(known) }
    if let byteTokens {
      let found = (start..<start + count).map { byteTokens[Int(text[$0])] }
      if found.allSatisfy({ $0 >= 0 }) { return output.append(contentsOf: found) }
    }
    if let unknown { output.append(unknown) }
  }
}
