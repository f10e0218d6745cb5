// SPDX-License-Identifier: Apache-2.0
// What is put around the tokens of a text: the `post_processor` of tokenizer.json.

/// Tokens with the type (first or second text) of each.
struct Encoding: Sendable {
  var ids: [TokenID] = []
  var types: [Int32] = []

  init() {}

  init(_ ids: [TokenID], type: Int32) {
    self.ids = ids
    types = Array(repeating: type, count: ids.count)
  }

  static func + (left: Encoding, right: Encoding) -> Encoding {
    var sum = left
    sum.ids += right.ids
    sum.types += right.types
    return sum
  }
}

/// One step that adds tokens.
indirect enum PostProcessor: Sendable {
  /// An item of a template.
  enum Item: Sendable {
    case tokens([TokenID], type: Int32)
    case sequence(isSecond: Bool, type: Int32)
  }

  case sequence([PostProcessor])
  /// Changes offsets only, which nobody here asks for.
  case none
  case template(single: [Item], pair: [Item])
  case bert(separator: TokenID, classifier: TokenID)
  /// As Bert, but a separator stands before the second text too and all types are 0.
  case roberta(separator: TokenID, classifier: TokenID)

  /// The parts of an encoding after this step: one or two texts to begin with.
  func apply(_ parts: [Encoding], addsSpecial: Bool) -> [Encoding] {
    switch self {
    case .none: return parts
    case .sequence(let steps): return steps.reduce(parts) { $1.apply($0, addsSpecial: addsSpecial) }
    case .template(let single, let pair):
      guard (1...2).contains(parts.count) else { return parts }
      return (parts.count == 2 ? pair : single).compactMap { Self.fill($0, parts, addsSpecial) }
    case .bert(let separator, let classifier):
      guard addsSpecial else { return parts }
      return parts.enumerated().map { index, part in
        index == 0
          ? Encoding([classifier], type: 0) + part + Encoding([separator], type: 0)
          : part + Encoding([separator], type: 1)
      }
    case .roberta(let separator, let classifier):
      let plain = parts.map { Encoding($0.ids, type: 0) }
      guard addsSpecial else { return plain }
      return plain.enumerated().map { index, part in
        Encoding([index == 0 ? classifier : separator], type: 0) + part + Encoding([separator], type: 0)
      }
    }
  }

  private static func fill(_ item: Item, _ parts: [Encoding], _ addsSpecial: Bool) -> Encoding? {
    switch item {
    case .tokens(let ids, let type): addsSpecial ? Encoding(ids, type: type) : nil
    case .sequence(let isSecond, let type):
      !isSecond || parts.count > 1 ? Encoding(parts[isSecond ? 1 : 0].ids, type: type) : nil
    }
  }
}
