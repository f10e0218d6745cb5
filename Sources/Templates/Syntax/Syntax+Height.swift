// SPDX-License-Identifier: Apache-2.0
// How deep statements nest: what running them takes of the stack.

extension Statement.Kind {
  /// Nesting below the statement.
  var height: Int {
    func tallest(_ statements: [Statement]) -> Int { statements.lazy.map(\.height).max() ?? 0 }
    return switch self {
    case .output(let parts):
      parts.lazy.map { if case .expression(let part) = $0 { part.height } else { 0 } }.max() ?? 0
    case .loop(let loop):
      max(
        loop.iterable.height, loop.test?.height ?? 0, tallest(loop.body), tallest(loop.otherwise))
    case .conditional(let branches, let otherwise):
      max(branches.lazy.map { max($0.test.height, tallest($0.body)) }.max() ?? 0, tallest(otherwise))
    case .set(_, let value): value.height
    case .setBlock(_, let filter, let body): max(filter?.height ?? 0, tallest(body))
    case .macro(let macro): macro.height
    case .callBlock(let macro, let call): max(macro.height, call.height)
    case .filterBlock(let filter, let body): max(filter.height, tallest(body))
    case .with(let variables, let body):
      max(variables.lazy.map(\.value.height).max() ?? 0, tallest(body))
    case .generation(let body): tallest(body)
    case .autoescape(let flag, let body): max(flag.height, tallest(body))
    case .block(let block): tallest(block.body)
    case .breakLoop, .continueLoop, .load: 0
    }
  }
}

extension MacroSyntax {
  /// Nesting of the macro's body and default values.
  var height: Int {
    max(body.lazy.map(\.height).max() ?? 0, parameters.lazy.compactMap(\.fallback?.height).max() ?? 0)
  }
}
