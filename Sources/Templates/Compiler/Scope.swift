// SPDX-License-Identifier: Apache-2.0
// Which variable a name means. jinja2 decides that before a template runs (idtracking.py): a scope
// that assigns a name has a variable of its own, filled from outside on entry; every other name is
// the enclosing scope's, or comes from the context. The result is the same, with slots for names.

/// The slots of a function being compiled.
final class FunctionLayout {
  private(set) var slotCount = 0
  /// How many functions are around this one.
  let depth: Int

  init(depth: Int) { self.depth = depth }

  func newSlot() -> Int {
    defer { slotCount += 1 }
    return slotCount
  }
}

/// The names of one block: jinja2's `Symbols`.
final class Scope {
  private enum Load {
    case parameter
    case context(String)
    case alias(Variable)
    case missing
  }

  /// Slots by name, shared by the copies made for the branches of an `if`.
  private final class Slots {
    var byName: [String: Int] = [:]
  }

  let function: FunctionLayout
  let parent: Scope?
  private let slots: Slots
  private var references: [String: Int] = [:]
  private var loads: [Int: Load] = [:]
  private(set) var stores: Set<String> = []

  init(function: FunctionLayout, parent: Scope?) {
    self.function = function
    self.parent = parent
    slots = Slots()
  }

  /// A block within this one, in the same function or in a new one.
  func inner(inNewFunction: Bool = false) -> Scope {
    Scope(function: inNewFunction ? FunctionLayout(depth: function.depth + 1) : function, parent: self)
  }

  private init(copy scope: Scope) {
    function = scope.function
    parent = scope.parent
    slots = scope.slots
    references = scope.references
    loads = scope.loads
    stores = scope.stores
  }

  /// A copy for a branch; ``merge(_:)`` brings the branches together.
  func branch() -> Scope { Scope(copy: self) }

  func merge(_ branches: [Scope]) {
    var stored: Set<String> = []
    for branch in branches { stored.formUnion(branch.stores) }
    stored.subtract(stores)
    for branch in branches {
      references.merge(branch.references) { $1 }
      loads.merge(branch.loads) { $1 }
      stores.formUnion(branch.stores)
    }
    for name in stored {
      guard let slot = references[name] else { continue }
      loads[slot] = (parent?.find(name)).map { .alias(relative($0)) } ?? .context(name)
    }
  }

  // MARK: Names

  /// Where a name lives, with the function that has it.
  private func find(_ name: String) -> (slot: Int, function: FunctionLayout)? {
    var scope: Scope? = self
    while let here = scope {
      if let slot = here.references[name] { return (slot, here.function) }
      scope = here.parent
    }
    return nil
  }

  private func relative(_ place: (slot: Int, function: FunctionLayout)) -> Variable {
    Variable(hops: function.depth - place.function.depth, slot: place.slot)
  }

  /// The variable a name stands for, when some scope knows it.
  func variable(_ name: String) -> Variable? { find(name).map(relative) }

  /// Notes that a name is read.
  func load(_ name: String) {
    if find(name) == nil { define(name, .context(name)) }
  }

  /// Notes that a name is assigned.
  func store(_ name: String) {
    stores.insert(name)
    guard references[name] == nil else { return }
    define(name, (parent?.find(name)).map { .alias(relative($0)) } ?? .missing)
  }

  /// Makes a variable that code outside the scope fills.
  @discardableResult
  func declareParameter(_ name: String) -> Int {
    stores.insert(name)
    return define(name, .parameter)
  }

  @discardableResult
  private func define(_ name: String, _ load: Load) -> Int {
    let slot = slots.byName[name] ?? function.newSlot()
    slots.byName[name] = slot
    references[name] = slot
    loads[slot] = load
    return slot
  }

  /// What to do when the scope is entered.
  func entry(contextName: (String) -> ContextName) -> ScopeEntry {
    var steps: [(slot: Int, load: ScopeEntry.Load)] = []
    for (slot, load) in loads.sorted(by: { $0.key < $1.key }) {
      switch load {
      case .parameter: break
      case .context(let name): steps.append((slot, .context(contextName(name))))
      case .alias(let variable): steps.append((slot, .alias(variable)))
      case .missing: steps.append((slot, .missing))
      }
    }
    return ScopeEntry(loads: steps, slots: loads.keys.sorted())
  }

  /// Names assigned here and in the scopes around, with their variables.
  var visibleStores: [(name: String, variable: Variable)] {
    var found: [String: Variable] = [:]
    var scope: Scope? = self
    while let here = scope {
      for name in here.stores where found[name] == nil {
        if let variable = variable(name) { found[name] = variable }
      }
      scope = here.parent
    }
    return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
