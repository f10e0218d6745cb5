// SPDX-License-Identifier: Apache-2.0
// A long text as a model is measured on it: cut into windows that know nothing of each other.

/// The windows of a text, each behind the same beginning.
struct TextWindows: Sequence {
  /// A window's tokens, those of the beginning counted, and how much of the text has been read behind it.
  typealias Element = (tokens: [Int32], end: Int)

  private let text: [Int32]
  private let beginning: [Int32]
  private let step: Int

  /// - Parameters:
  ///   - width: tokens of a window, those of the beginning counted.
  ///   - least: tokens of the text that a window has room for at least.
  init(_ text: [Int32], behind beginning: [Int32], width: Int, least: Int) throws(InferenceProblem) {
    step = width - beginning.count
    guard step >= least else {
      throw .invalidOption(name: "context", value: width, allowed: "\(beginning.count + least) or more")
    }
    (self.text, self.beginning) = (text, beginning)
  }

  func makeIterator() -> AnyIterator<Element> {
    var starts = stride(from: 0, to: text.count, by: step).makeIterator()
    return AnyIterator {
      starts.next().map { start in
        let end = Swift.min(start + step, text.count)
        return (beginning + text[start..<end], end)
      }
    }
  }
}
