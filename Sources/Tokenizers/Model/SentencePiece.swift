// SPDX-License-Identifier: Apache-2.0
// A tokenizer.model, run by libsentencepiece behind the C functions of CSentencePiece.

import CSentencePiece

/// The model of a tokenizer.model. The library's processor is only read after loading, from any thread.
@safe final class SentencePiece: @unchecked Sendable {
  private let processor: OpaquePointer
  /// All pieces, control tokens among them.
  let vocabulary: Vocabulary
  /// Control pieces such as `<s>`: they stand for no text.
  let controls: [TokenID]
  let beginning: TokenID?
  let end: TokenID?
  let unknown: TokenID?
  /// Whether a blank is put before the text, which decoding takes away again.
  let addsBlank: Bool

  /// Reads a serialized model.
  init(_ bytes: [UInt8], path: String) throws(TokenizerProblem) {
    var message = [CChar](repeating: 0, count: 512)
    guard let made = unsafe impetus_sp_open(bytes, bytes.count, &message, message.count) else {
      let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw .malformed(path: path, place: "the model", why: text)
    }
    unsafe processor = unsafe made
    let count = unsafe Int(impetus_sp_count(made))
    var vocabulary = Vocabulary(capacity: count)
    var controls: [TokenID] = []
    for id in 0..<count {
      var length = 0
      guard let text = unsafe impetus_sp_piece(made, Int32(id), &length) else { continue }
      let piece = unsafe Array(UnsafeBufferPointer(start: text, count: length)).map { UInt8(bitPattern: $0) }
      _ = vocabulary.append(piece[...], id: id)
      if unsafe impetus_sp_kind(made, Int32(id)) == IMPETUS_SP_CONTROL { controls.append(TokenID(id)) }
    }
    vocabulary.index()
    self.vocabulary = vocabulary
    self.controls = controls
    func special(_ role: Int) -> TokenID? {
      let id = unsafe impetus_sp_special(made, Int32(role))
      return id >= 0 ? id : nil
    }
    unknown = special(IMPETUS_SP_UNKNOWN)
    beginning = special(IMPETUS_SP_BEGINNING)
    end = special(IMPETUS_SP_END)
    let probe = unsafe Self.encode(made, Array("a".utf8))
    addsBlank = probe.first.flatMap { vocabulary.bytes($0) }?.starts(with: "▁".utf8) ?? false
  }

  deinit { unsafe impetus_sp_close(processor) }

  /// The tokens of a text; SentencePiece cuts it itself.
  func encode(_ text: Span<UInt8>, _ range: Range<Int>, into output: inout [TokenID]) {
    output += unsafe Self.encode(processor, range.map { text[$0] })
  }

  private static func encode(_ processor: OpaquePointer, _ text: [UInt8]) -> [TokenID] {
    // A byte makes a token at most; normalizing makes some characters longer.
    var ids = [TokenID](repeating: 0, count: text.count + 16)
    var count = unsafe impetus_sp_encode(processor, text, text.count, &ids, ids.count)
    if count > ids.count {
      ids = Array(repeating: 0, count: count)
      count = unsafe impetus_sp_encode(processor, text, text.count, &ids, ids.count)
    }
    return Array(ids.prefix(max(0, count)))
  }
}
