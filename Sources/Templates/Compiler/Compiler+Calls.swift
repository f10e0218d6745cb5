// SPDX-License-Identifier: Apache-2.0
// Attributes, items, calls, filters and tests. Names known from the source are prepared here.

/// Collects the values of a call's arguments.
typealias Collect = @Sendable (Renderer, Frame) throws(TemplateProblem) -> Arguments

extension Compiler {
  // MARK: Attributes and items

  mutating func attribute(_ base: Expression, _ name: String, _ place: Place) throws(TemplateProblem) -> Evaluate {
    let base = try expression(base, place)
    let name = AttributeName(name)
    return { (renderer, frame) throws(TemplateProblem) in
      try renderer.attribute(name, of: try base(renderer, frame))
    }
  }

  mutating func item(_ base: Expression, _ key: Expression, _ place: Place) throws(TemplateProblem) -> Evaluate {
    let base = try expression(base, place)
    if case .string(let text) = key.kind {
      let name = AttributeName(text.string)
      return { (renderer, frame) throws(TemplateProblem) in
        try renderer.item(name, of: try base(renderer, frame))
      }
    }
    let key = try expression(key, place)
    return { (renderer, frame) throws(TemplateProblem) in
      try renderer.item(of: try base(renderer, frame), try key(renderer, frame))
    }
  }

  // MARK: Calls

  mutating func call(_ callee: Expression, _ arguments: CallArguments, _ place: Place) throws(TemplateProblem)
    -> Evaluate
  {
    if case .attribute(let base, let name) = callee.kind {
      return try methodCall(base, name, arguments, place)
    }
    let callee = try expression(callee, place)
    let collect = try self.arguments(arguments, place)
    return { (renderer, frame) throws(TemplateProblem) in
      let function = try callee(renderer, frame)
      return try renderer.call(function, try collect(renderer, frame))
    }
  }

  /// `value.method(…)` on text and dictionaries goes to the method without making a bound one.
  private mutating func methodCall(
    _ base: Expression, _ name: String, _ arguments: CallArguments, _ place: Place
  ) throws(TemplateProblem) -> Evaluate {
    let base = try expression(base, place)
    let collect = try self.arguments(arguments, place)
    let name = AttributeName(name)
    let (textMethod, dictMethod) = (name.textMethod, name.dictMethod)
    return { (renderer, frame) throws(TemplateProblem) in
      let object = try base(renderer, frame)
      if case .string(let text) = object, let textMethod {
        return try renderer.call(textMethod, on: text, try collect(renderer, frame))
      }
      if case .dict(let dict) = object, let dictMethod {
        return try renderer.call(dictMethod, on: dict, try collect(renderer, frame))
      }
      let function = try renderer.attribute(name, of: object)
      return try renderer.call(function, try collect(renderer, frame))
    }
  }

  mutating func arguments(_ arguments: CallArguments, _ place: Place) throws(TemplateProblem) -> Collect {
    var positional: [Evaluate] = []
    for argument in arguments.positional { positional.append(try expression(argument, place)) }
    var named: [(name: String, value: Evaluate)] = []
    for (name, value) in arguments.named {
      guard !named.contains(where: { $0.name == name }) else {
        throw .syntax(message: "keyword argument repeated: \(name)", line: value.line)
      }
      named.append((name, try expression(value, place)))
    }
    if arguments.spread == nil, arguments.namedSpread == nil {
      if positional.isEmpty, named.isEmpty { return { (_, _) in Arguments() } }
      return { [positional, named] (renderer, frame) throws(TemplateProblem) in
        var result = Arguments()
        result.positional.reserveCapacity(positional.count)
        for argument in positional { result.positional.append(try argument(renderer, frame)) }
        for (name, value) in named { result.named.append((name, try value(renderer, frame))) }
        return result
      }
    }
    let spread = try arguments.spread.map { (spread) throws(TemplateProblem) in try expression(spread, place) }
    let namedSpread = try arguments.namedSpread.map { (spread) throws(TemplateProblem) in
      try expression(spread, place)
    }
    return { [positional, named] (renderer, frame) throws(TemplateProblem) in
      var result = Arguments()
      for argument in positional { result.positional.append(try argument(renderer, frame)) }
      if let spread { result.positional += try renderer.items(of: try spread(renderer, frame)) }
      for (name, value) in named { result.named.append((name, try value(renderer, frame))) }
      if let namedSpread { try result.add(named: try namedSpread(renderer, frame)) }
      return result
    }
  }

  // MARK: Filters and tests

  mutating func filter(
    _ subject: Expression?, _ name: String, _ arguments: CallArguments, line: Int, _ place: Place
  ) throws(TemplateProblem) -> Evaluate {
    guard let subject else { throw .syntax(message: "a filter without a value", line: line) }
    let evaluate = try expression(subject, place)
    let apply = try self.apply(name, arguments, line: line, place)
    return { (renderer, frame) throws(TemplateProblem) in
      try apply(renderer, frame, try evaluate(renderer, frame))
    }
  }

  /// The chain of filters of a filter block or set block, to be applied to its text.
  mutating func filterOfBlock(_ filter: Expression, _ place: Place) throws(TemplateProblem)
    -> @Sendable (Renderer, Frame, Object) throws(TemplateProblem) -> Object
  {
    guard case .filter(let subject, let name, let arguments) = filter.kind else {
      throw .syntax(message: "expected a filter", line: filter.line)
    }
    place.scope.analyze(filter)
    let apply = try self.apply(name, arguments, line: filter.line, place)
    guard let subject else { return apply }
    let inner = try filterOfBlock(subject, place)
    return { (renderer, frame, value) throws(TemplateProblem) in
      try apply(renderer, frame, try inner(renderer, frame, value))
    }
  }

  private mutating func apply(_ name: String, _ arguments: CallArguments, line: Int, _ place: Place)
    throws(TemplateProblem) -> @Sendable (Renderer, Frame, Object) throws(TemplateProblem) -> Object
  {
    let collect = try self.arguments(arguments, place)
    guard let filter = Filters.named(name) else {
      guard place.isSoft else { throw .syntax(message: "No filter named '\(name)'.", line: line) }
      return { (_, _, _) throws(TemplateProblem) in
        throw .runtime(message: "No filter named '\(name)' found.", line: line)
      }
    }
    return { (renderer, frame, value) throws(TemplateProblem) in
      try filter(renderer, value, try collect(renderer, frame))
    }
  }

  mutating func test(
    _ subject: Expression, _ name: String, _ arguments: CallArguments, line: Int, _ place: Place
  ) throws(TemplateProblem) -> Evaluate {
    let subject = try expression(subject, place)
    let collect = try self.arguments(arguments, place)
    guard let test = Tests.named(name) else {
      guard place.isSoft else { throw .syntax(message: "No test named '\(name)'.", line: line) }
      return { (_, _) throws(TemplateProblem) in
        throw .runtime(message: "No test named '\(name)' found.", line: line)
      }
    }
    return { (renderer, frame) throws(TemplateProblem) in
      let value = try subject(renderer, frame)
      return .bool(try test(renderer, value, try collect(renderer, frame)))
    }
  }
}

extension Arguments {
  /// Adds the entries of `**value`.
  fileprivate mutating func add(named value: Object) throws(TemplateProblem) {
    guard case .dict(let dict) = value else {
      if case .undefined(let undefined) = value { throw undefined.problem }
      throw .failure("argument after ** must be a mapping, not \(value.typeName)")
    }
    for (key, value) in dict.entries {
      guard case .string(let name) = key else { throw .failure("keywords must be strings") }
      guard !named.contains(where: { $0.name == name.string }) else {
        throw .failure("got multiple values for keyword argument '\(name.string)'")
      }
      named.append((name.string, value))
    }
  }
}
