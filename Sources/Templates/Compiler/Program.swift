// SPDX-License-Identifier: Apache-2.0
// A template ready to run: closures over closures, one for each node of the syntax. Everything in
// them is immutable, so one program serves any number of renderings at once.

/// Computes a value.
typealias Evaluate = @Sendable (Renderer, Frame) throws(TemplateProblem) -> Object

/// Carries out a statement.
typealias Execute = @Sendable (Renderer, Frame) throws(TemplateProblem) -> Flow

/// Puts a value into a variable.
typealias Assign = @Sendable (Renderer, Frame, Object) throws(TemplateProblem) -> Void

/// A compiled template.
struct Program: Sendable {
  /// The names the template asks the context for, by ``ContextName``.
  let contextNames: [String]
  let main: FunctionCode
  let blocks: [String: FunctionCode]
  /// Where the template's `self` goes, when it is used.
  let selfSlot: Int?
}

/// The code of a template or named block.
struct FunctionCode: Sendable {
  let slotCount: Int
  let entry: ScopeEntry
  let body: Execute
}

/// The code of a macro or call block.
final class MacroCode: Sendable {
  struct Parameter: Sendable {
    let name: String
    let slot: Int
    let fallback: Evaluate?
  }

  /// Nil for call blocks.
  let name: String?
  let parameters: [Parameter]
  /// Slots of the names a macro has without declaring them, where its body uses them.
  let callerSlot: Int?
  let keywordsSlot: Int?
  let extrasSlot: Int?
  let slotCount: Int
  let entry: ScopeEntry
  let body: Execute
  /// Nesting of the body; what a call counts against the limit on calls.
  let weight: Int

  init(
    name: String?, parameters: [Parameter], callerSlot: Int?, keywordsSlot: Int?, extrasSlot: Int?,
    slotCount: Int, entry: ScopeEntry, body: @escaping Execute, weight: Int
  ) {
    self.name = name
    self.parameters = parameters
    self.callerSlot = callerSlot
    self.keywordsSlot = keywordsSlot
    self.extrasSlot = extrasSlot
    self.slotCount = slotCount
    self.entry = entry
    self.body = body
    self.weight = weight
  }
}

extension Renderer {
  /// Fills a scope's variables on entry.
  func enter(_ scope: ScopeEntry, _ frame: Frame) {
    for (slot, load) in scope.loads {
      switch load {
      case .context(let name): frame.slots[slot] = context[name.index]
      case .alias(let variable): frame.slots[slot] = frame[variable]
      case .missing: frame.slots[slot] = nil
      }
    }
  }

  /// Forgets a scope's variables.
  func leave(_ scope: ScopeEntry, _ frame: Frame) {
    for slot in scope.slots { frame.slots[slot] = nil }
  }

  /// Runs a template or block.
  func run(_ code: FunctionCode, prepare: (Frame) -> Void = { _ in }) throws(TemplateProblem) {
    let frame = Frame(slotCount: code.slotCount, parent: nil)
    prepare(frame)
    enter(code.entry, frame)
    _ = try code.body(self, frame)
  }
}
