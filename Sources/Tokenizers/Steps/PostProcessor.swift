// SPDX-License-Identifier: Apache-2.0
// What is put around the tokens of a text: the `post_processor` of tokenizer.json.

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

  /// Tokens with the type of each.
  struct Encoding: Sendable {
    var ids: [TokenID] = []
    var types: [Int32] = []
  }

  /// One or two texts made into one encoding.
  func apply(_ parts: [Encoding], addsSpecial: Bool) -> [Encoding] {
    switch self {
    case .none: return parts
    case .sequence(let steps): return steps.reduce(parts) { $1.apply($0, addsSpecial: addsSpecial) }
    case .template(let single, let pair):
      var output = Encoding()
      for item in parts.count > 1 ? pair : single {
        switch item {
        case .tokens(let ids, let type):
          guard addsSpecial else { continue }
          output.ids += ids
          output.types += ids.map { _ in type }
        case .sequence(let isSecond, let type):
          guard isSecond ? parts.count > 1 : !parts.isEmpty else { continue }
          let part = parts[isSecond ? 1 : 0]
          output.ids += part.ids
          output.types += part.ids.map { _ in type }
        }
      }
      return [output]
    }
  }
}
