// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding as the `tokenizers` library does it: characters first, then the merge of lowest rank, the
// leftmost of equals, until none applies. Dropout, a matter of training, is ignored.

/// The model of a BPE tokenizer.
struct BPE: Sendable {
  var vocabulary: Vocabulary
  var merges: MergeTable
  var unknown: TokenID?
  var fusesUnknown = false
  /// Characters without a token become tokens `<0xNN>` of their bytes, if all of them have one.
  var byteTokens: [TokenID]?
  /// A word that is itself a token is taken whole.
  var ignoresMerges = false
  var continuingPrefix: [UInt8] = []
  var endSuffix: [UInt8] = []
  /// For a vocabulary that is kept in raw bytes instead of their alphabet: the token of each byte, -1 for none.
  var rawSymbols: [TokenID]?

  /// The tokens of one word.
  func encode(_ text: Span<UInt8>, _ range: Range<Int>, _ space: inout MergeSpace, into output: inout [TokenID]) {
    if ignoresMerges {
      let whole = vocabulary.find(text, range.lowerBound, range.count)
      if whole >= 0 { return output.append(whole) }
    }
    space.symbols.removeAll(keepingCapacity: true)
    if let rawSymbols {
      addBytes(text, range, rawSymbols, &space.symbols)
    } else {
      addCharacters(text, range, &space.symbols)
    }
    space.merge(merges)
    output.append(contentsOf: space.symbols)
  }

  private func addBytes(_ text: Span<UInt8>, _ range: Range<Int>, _ tokens: [TokenID], _ symbols: inout [TokenID]) {
    var wasUnknown = false
    for index in range {
      let token = tokens[Int(text[index])]
      if token >= 0 {
        symbols.append(token)
      } else if let unknown, !(fusesUnknown && wasUnknown) {
        symbols.append(unknown)
      }
      wasUnknown = token < 0
    }
  }

  /// One token a character, by the rules for those that have none.
  private func addCharacters(_ text: Span<UInt8>, _ range: Range<Int>, _ symbols: inout [TokenID]) {
    // As in the reference, an unknown token waits for the next known character, and bytes do not end the wait.
    var waiting: TokenID?
    let isDecorated = !continuingPrefix.isEmpty || !endSuffix.isEmpty
    var start = range.lowerBound
    while start < range.upperBound {
      let length = text.scalar(at: start).length
      let end = start + length
      var decorated: [UInt8] = []
      if isDecorated {
        if start > range.lowerBound { decorated += continuingPrefix }
        for index in start..<end { decorated.append(text[index]) }
        if end == range.upperBound { decorated += endSuffix }
      }
      let token =
        isDecorated ? vocabulary.find(decorated.span, 0, decorated.count) : vocabulary.find(text, start, length)
      if token >= 0 {
        if let unknown = waiting { symbols.append(unknown) }
        waiting = nil
        symbols.append(token)
      } else if !(isDecorated
        ? addFallback(decorated.span, 0, decorated.count, &symbols) : addFallback(text, start, length, &symbols)),
        let unknown
      {
        if waiting != nil && !fusesUnknown { symbols.append(unknown) }
        waiting = unknown
      }
      start = end
    }
    if let unknown = waiting { symbols.append(unknown) }
  }

  private func addFallback(_ text: Span<UInt8>, _ start: Int, _ count: Int, _ symbols: inout [TokenID]) -> Bool {
    guard let byteTokens else { return false }
    for index in start..<start + count where byteTokens[Int(text[index])] < 0 { return false }
    for index in start..<start + count { symbols.append(byteTokens[Int(text[index])]) }
    return true
  }
}
