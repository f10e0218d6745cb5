// SPDX-License-Identifier: Apache-2.0
// What a call passes, and how built-in functions take it.

/// The values of a call.
struct Arguments {
  var positional: [Object] = []
  var named: [(name: String, value: Object)] = []

  static var none: Arguments { Arguments() }

  var isEmpty: Bool { positional.isEmpty && named.isEmpty }

  /// The values in the order of a function's parameters; nil where the call passes none.
  ///
  /// - Parameter required: how many of the parameters, from the first, must be passed.
  func bind(_ function: String, _ parameters: [String], required: Int = 0) throws(TemplateProblem) -> [Object?] {
    guard positional.count <= parameters.count else {
      throw .failure(
        "\(function)() takes at most \(parameters.count) argument\(parameters.count == 1 ? "" : "s")"
          + " (\(positional.count) given)")
    }
    var values: [Object?] = positional
    while values.count < parameters.count { values.append(nil) }
    for (name, value) in named {
      guard let place = parameters.firstIndex(of: name) else {
        throw .failure("\(function)() got an unexpected keyword argument '\(name)'")
      }
      guard values[place] == nil else {
        throw .failure("\(function)() got multiple values for argument '\(name)'")
      }
      values[place] = value
    }
    for place in 0..<required where values[place] == nil {
      throw .failure("\(function)() missing required argument: '\(parameters[place])'")
    }
    return values
  }

  /// Refuses any argument.
  func expectNone(_ function: String) throws(TemplateProblem) {
    if !isEmpty {
      throw .failure("\(function)() takes no arguments (\(positional.count + named.count) given)")
    }
  }
}

// MARK: - Reading values

extension Object {
  /// The integer of an argument; an error that names the type otherwise.
  func integer() throws(TemplateProblem) -> Int {
    guard let value = intValue else {
      if case .undefined(let undefined) = self { throw undefined.problem }
      if case .big = self { throw .failure("Python int too large to convert to C ssize_t") }
      throw .failure("'\(typeName)' object cannot be interpreted as an integer")
    }
    return value
  }

  /// The text of an argument that must be a string.
  func text(_ function: String) throws(TemplateProblem) -> Text {
    guard let text = textValue else {
      throw .failure("\(function)() argument must be str, not \(typeName)")
    }
    return text
  }
}

extension Object? {
  /// The integer of an optional argument; `none` counts as absent.
  func integer(or fallback: Int) throws(TemplateProblem) -> Int {
    switch self {
    case nil, .some(.none): fallback
    case .some(let value): try value.integer()
    }
  }

  func isTrue(or fallback: Bool) -> Bool { self?.isTrue ?? fallback }

  /// Whether the argument is absent or `none`.
  var isAbsent: Bool {
    switch self {
    case nil, .some(.none): true
    default: false
    }
  }
}
