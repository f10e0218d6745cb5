// SPDX-License-Identifier: Apache-2.0
// The variables of a running template. The compiler has given every name of every scope a slot, so
// nothing is looked up by name but the context, once per scope.

/// The slots of one activation: of the template, a macro, or a recursive loop. Blocks such as `for`
/// and `with` have slots of their own in the frame around them.
final class Frame {
  /// Values by slot; nil where no value is assigned.
  var slots: [Object?]
  /// The frame of the code around the definition.
  let parent: Frame?

  init(slotCount: Int, parent: Frame?) {
    slots = [Object?](repeating: nil, count: slotCount)
    self.parent = parent
  }

  subscript(variable: Variable) -> Object? {
    get { owner(variable.hops).slots[variable.slot] }
    set { owner(variable.hops).slots[variable.slot] = newValue }
  }

  /// The frame some functions further out. The compiler counts only frames that exist.
  private func owner(_ hops: Int) -> Frame {
    var frame = self
    for _ in 0..<hops {
      guard let parent = frame.parent else { preconditionFailure("a variable beyond the outermost frame") }
      frame = parent
    }
    return frame
  }
}

/// Where a variable lives: a slot of the frame some functions further out.
struct Variable: Sendable {
  let hops: Int
  let slot: Int
}

/// What a scope does with its slots when it is entered.
struct ScopeEntry: Sendable {
  enum Load: Sendable {
    case context(ContextName)
    case alias(Variable)
    case missing
  }

  let loads: [(slot: Int, load: Load)]
  /// All slots of the scope, cleared when it is left.
  let slots: [Int]
}

/// Index of a context variable among those a template asks for.
struct ContextName: Sendable {
  let index: Int
}
