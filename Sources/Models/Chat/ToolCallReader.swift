// SPDX-License-Identifier: Apache-2.0
// Tells the calls in an answer from its text, while the answer is being written. Text goes on at once, except what may
// yet turn out to be a call; what looked like one and cannot be read becomes text again, so that nothing is lost.

/// Reads one answer.
public struct ToolCallReader: Sendable {
  /// What an answer is made of.
  public typealias Part = AnswerPart

  private enum State { case text, inside }

  private let form: ToolCallForm
  /// Names that may be called: JSON that calls none of them is an answer like any other.
  private let names: Set<String>
  private let types: ParameterTypes
  private var state = State.text
  private var held = ""
  /// Blanks that are shown only when text follows: not those around calls.
  private var blanks = ""
  /// Bytes of what is held that hold no closing.
  private var searched = 0
  /// Whether what begins like JSON is held back to its end: small models leave their tags out.
  private var awaitsBare = true
  /// Whether text has been given out.
  private var hasText = false

  public init(_ form: ToolCallForm, names: Set<String>, types: ParameterTypes = ParameterTypes()) {
    self.form = form
    self.names = names
    self.types = types
  }

  /// Takes text.
  public mutating func append(_ text: String) -> [Part] {
    held += text
    var parts: [Part] = []
    while step(&parts) {}
    return parts
  }

  /// The rest, when the answer has ended.
  public mutating func finish() -> [Part] {
    var parts: [Part] = []
    if beginsLikeJSON {
      if let calls = declared(held) {
        held = ""
        return calls.map { .call($0) }
      }
      awaitsBare = false
      while step(&parts) {}
    }
    switch (state, form) {
    case (.inside, _):
      // Models may leave out the closing, or the token that is one is not text.
      take(held, &parts)
    default: show(held, &parts)
    }
    held = ""
    return parts
  }

  /// Looks at what is held; false when more is needed.
  private mutating func step(_ parts: inout [Part]) -> Bool {
    if state == .inside { return closeCall(&parts) }
    if beginsLikeJSON { return false }
    guard let opening = form.opening else {
      show(held, &parts)
      held = ""
      return false
    }
    if let range = held.firstRange(of: opening) {
      show(String(held[..<range.lowerBound]), &parts)
      held = String(held[range.upperBound...])
      state = .inside
      return true
    }
    let kept = held.commonEnd(withBeginningOf: opening)
    show(String(held.dropLast(kept)), &parts)
    held = String(held.suffix(kept))
    return false
  }

  private mutating func closeCall(_ parts: inout [Part]) -> Bool {
    guard let closing = form.closing else { return false }
    guard let range = held.range(of: closing, from: searched) else {
      searched = max(0, held.utf8.count - closing.utf8.count)
      return false
    }
    searched = 0
    let inner = String(held[..<range.lowerBound])
    held = String(held[range.upperBound...])
    take(inner, &parts, closing: closing)
    return !held.isEmpty
  }

  /// Whether the answer, as far as it is known, is nothing but the beginning of a call without tags.
  private var beginsLikeJSON: Bool {
    guard awaitsBare, !hasText, state == .text, let first = held.first(where: { !$0.isWhitespace }) else {
      return false
    }
    if first == "{" { return true }
    let tag = "<|python_tag|>"
    let start = String(held.drop { $0.isWhitespace }.prefix(tag.count))
    return form == .bare && tag.hasPrefix(start)
  }

  /// Calls without tags, of functions that there are.
  private func declared(_ text: String) -> [ToolCall]? {
    guard let calls = ToolCallForm.bare.calls(text), calls.allSatisfy({ names.contains($0.name) }) else { return nil }
    return calls
  }

  /// Takes what stands where a call was expected.
  private mutating func take(_ text: String, _ parts: inout [Part], closing: String = "") {
    state = .text
    if let calls = form.calls(text, types) {
      awaitsBare = false
      blanks = ""
      parts += calls.map { .call($0) }
    } else {
      show((form.opening ?? "") + text + closing, &parts)
    }
  }

  private mutating func show(_ text: String, _ parts: inout [Part]) {
    guard let last = text.lastIndex(where: { !$0.isWhitespace }) else {
      blanks += text
      return
    }
    let end = text.index(after: last)
    parts.append(.text(blanks + text[..<end]))
    blanks = String(text[end...])
    hasText = true
  }
}
