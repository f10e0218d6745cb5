// SPDX-License-Identifier: Apache-2.0
// The syntax tree: what jinja2's nodes.py holds, without behaviour.

/// An expression with its place and extent.
struct Expression: Sendable {
  let kind: Kind
  let line: Int
  /// Nesting below and with this node; bounds the stack of every walk over the tree.
  let height: Int
  /// Nodes below and with this node, with the weight of each; what one evaluation costs at most.
  let size: Int

  indirect enum Kind: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case big(BigInteger)
    case double(Double)
    case string(Text)
    case name(String)
    case tuple([Expression])
    case list([Expression])
    case dict([(key: Expression, value: Expression)])
    case unary(UnaryOperator, Expression)
    case binary(BinaryOperator, Expression, Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case compare(Expression, [Comparison])
    case concat([Expression])
    case conditional(test: Expression, then: Expression, otherwise: Expression?)
    case attribute(Expression, String)
    case item(Expression, Expression)
    case slice(Expression, start: Expression?, stop: Expression?, step: Expression?)
    case call(Expression, CallArguments)
    /// A filter; without a subject in filter blocks and set blocks, where the body is filtered.
    case filter(Expression?, String, CallArguments)
    case test(Expression, String, CallArguments)
  }
}

extension Expression.Kind {
  /// Steps of evaluating this node alone. Filters, tests and calls put their arguments together; a name is looked up by
  /// all of its bytes, and nothing but the source's own bound keeps it short.
  var weight: Int {
    switch self {
    case .attribute(_, let name): 1 + name.utf8.count >> 3
    case .item(_, let key): if case .string(let text) = key.kind { 1 + text.bytes.count >> 3 } else { 1 }
    case .call(_, let arguments), .filter(_, _, let arguments), .test(_, _, let arguments):
      arguments.named.reduce(8) { $0 + $1.name.utf8.count >> 3 }
    default: 1
    }
  }
}

enum UnaryOperator: String, Sendable { case not, negative = "-", positive = "+" }

enum BinaryOperator: String, Sendable {
  case add = "+"
  case sub = "-"
  case mul = "*"
  case div = "/"
  case floorDiv = "//"
  case mod = "%"
  case pow = "**"
}

/// One step of a chain of comparisons.
struct Comparison: Sendable {
  enum Operator: Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, isIn, notIn }

  let operation: Operator
  let right: Expression
}

/// The arguments of a call, filter or test.
struct CallArguments: Sendable {
  var positional: [Expression] = []
  var named: [(name: String, value: Expression)] = []
  /// `*list`
  var spread: Expression?
  /// `**dict`
  var namedSpread: Expression?

  static let none = CallArguments()

  /// All expressions within, in the order of evaluation.
  var expressions: [Expression] {
    positional + named.map(\.value) + [spread, namedSpread].compactMap { $0 }
  }
}

/// What an assignment fills.
indirect enum Target: Sendable {
  case name(String)
  case tuple([Target])
  /// `ns.name`
  case attribute(String, String)
}

/// A statement with its place and extent.
struct Statement: Sendable {
  let kind: Kind
  let line: Int
  let height: Int

  indirect enum Kind: Sendable {
    case output([OutputPart])
    case loop(LoopSyntax)
    case conditional([(test: Expression, body: [Statement])], otherwise: [Statement])
    case set(Target, Expression)
    case setBlock(Target, filter: Expression?, body: [Statement])
    case macro(MacroSyntax)
    case callBlock(MacroSyntax, call: Expression)
    case filterBlock(Expression, body: [Statement])
    case with([(target: Target, value: Expression)], body: [Statement])
    case generation(body: [Statement])
    case autoescape(Expression, body: [Statement])
    case block(BlockSyntax)
    case breakLoop
    case continueLoop
    /// `include`, `import`, `extends`: a chat template is alone, there is nothing to load.
    case load
  }
}

enum OutputPart: Sendable {
  case data(Text)
  case expression(Expression)
}

struct LoopSyntax: Sendable {
  let target: Target
  let iterable: Expression
  let test: Expression?
  let isRecursive: Bool
  let body: [Statement]
  let otherwise: [Statement]
}

/// A macro, or the body of a call block, which is a macro without a name.
struct MacroSyntax: Sendable {
  let name: String?
  let parameters: [(name: String, fallback: Expression?)]
  let body: [Statement]
  let line: Int
}

struct BlockSyntax: Sendable {
  let name: String
  let isScoped: Bool
  let isRequired: Bool
  let body: [Statement]
}
