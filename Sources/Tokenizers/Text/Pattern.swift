// SPDX-License-Identifier: Apache-2.0
// A compiled pattern of a tokenizer file, by PCRE2, with Oniguruma's meaning (RegexTranslation) and its way of
// walking from match to match. Plain strings are searched without it.

internal import CPCRE2

/// A regular expression or a literal; immutable, so it may be used from any thread.
@safe final class Pattern: Sendable {
  @safe private enum Kind: @unchecked Sendable {
    case literal([UInt8])
    /// Compiled once and only read afterwards, which PCRE2 allows from any thread.
    case compiled(OpaquePointer)
  }
  private let kind: Kind

  /// Steps a single match may take: ends hostile expressions in well under a second.
  private static let stepLimit: UInt32 = 500_000

  /// A text that is looked for as it is; an empty one is found everywhere.
  init(literal: String) { kind = .literal(Array(literal.utf8)) }

  /// A regular expression; nil when it is not one.
  init?(regex: String) {
    guard let translated = RegexTranslation.translate(regex) else { return nil }
    let text = Array(translated.utf8)
    var number: Int32 = 0
    var offset = 0
    let options = UInt32(PCRE2_UTF) | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK
    guard let made = unsafe pcre2_compile_8(text, text.count, options, &number, &offset, nil) else { return nil }
    unsafe pcre2_jit_compile_8(made, UInt32(PCRE2_JIT_COMPLETE))
    kind = unsafe .compiled(made)
  }

  deinit { if case .compiled(let code) = kind { unsafe pcre2_code_free_8(code) } }

  /// All matches in a part of a text, in order. Empty ones are among them, except right after another match.
  /// An expression that exceeds its limits finds nothing more.
  func matches(in text: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
    switch kind {
    case .literal(let literal): Self.find(literal, in: text, range)
    case .compiled(let code): unsafe Self.find(code, in: text, range)
    }
  }

  private static func find(_ code: OpaquePointer, in text: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
    guard let matcher = unsafe Matcher(code, stepLimit: stepLimit) else { return [] }
    var found: [Range<Int>] = []
    unsafe text.withUnsafeBufferPointer { buffer in
      // A piece is a text of its own: nothing looks behind or ahead of it.
      let piece = unsafe UnsafeBufferPointer(rebasing: buffer[range])
      var position = 0
      var lastEnd = -1
      while position <= piece.count, let match = unsafe matcher.next(piece, from: position) {
        if match.isEmpty && match.lowerBound == lastEnd {
          position += 1
          while position < piece.count, unsafe piece[position] & 0xC0 == 0x80 { position += 1 }
          continue
        }
        found.append(match.lowerBound + range.lowerBound..<match.upperBound + range.lowerBound)
        position = match.upperBound
        lastEnd = match.upperBound
      }
    }
    return found
  }

  private static func find(_ literal: [UInt8], in text: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
    guard let first = literal.first else { return everywhere(text, range) }
    var found: [Range<Int>] = []
    var position = range.lowerBound
    while position + literal.count <= range.upperBound {
      if text[position] == first, text[position..<position + literal.count].elementsEqual(literal) {
        found.append(position..<position + literal.count)
        position += literal.count
      } else {
        position += 1
      }
    }
    return found
  }

  /// The empty match before each character and at the end.
  private static func everywhere(_ text: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
    var found: [Range<Int>] = []
    for place in range where text[place] & 0xC0 != 0x80 { found.append(place..<place) }
    found.append(range.upperBound..<range.upperBound)
    return found
  }
}

/// What one search needs: match data, limits, and a stack for the compiled code.
@safe private final class Matcher {
  private let code: OpaquePointer
  private let data: OpaquePointer
  private let context: OpaquePointer
  private let stack: OpaquePointer?

  init?(_ code: OpaquePointer, stepLimit: UInt32) {
    guard let data = unsafe pcre2_match_data_create_8(1, nil), let context = unsafe pcre2_match_context_create_8(nil)
    else { return nil }
    unsafe (self.code, self.data, self.context) = unsafe (code, data, context)
    unsafe stack = unsafe pcre2_jit_stack_create_8(32 << 10, 1 << 20, nil)
    unsafe pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack))
    unsafe pcre2_set_match_limit_8(context, stepLimit)
    unsafe pcre2_set_heap_limit_8(context, 64 << 10)
  }

  deinit {
    unsafe pcre2_jit_stack_free_8(stack)
    unsafe pcre2_match_context_free_8(context)
    unsafe pcre2_match_data_free_8(data)
  }

  /// The first match at or after an offset.
  func next(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Range<Int>? {
    // An empty buffer may have no address, and PCRE2 wants one.
    guard let base = text.baseAddress else { return nil }
    var count = unsafe pcre2_match_8(code, base, text.count, start, UInt32(PCRE2_NO_UTF_CHECK), data, context)
    if count == PCRE2_ERROR_JIT_STACKLIMIT {
      let options = UInt32(PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT)
      count = unsafe pcre2_match_8(code, base, text.count, start, options, data, context)
    }
    guard count >= 0, let ends = unsafe pcre2_get_ovector_pointer_8(data) else { return nil }
    // With \K a match may end before it begins.
    let (from, to) = unsafe (ends[0], ends[1])
    return from <= to && from >= start ? from..<to : nil
  }
}
