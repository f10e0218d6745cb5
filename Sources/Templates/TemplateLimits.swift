// SPDX-License-Identifier: Apache-2.0
// Templates come with models, from anybody: everything one can consume is bounded.

/// Bounds on what a template may consume. The defaults are far above what real templates need.
public struct TemplateLimits: Sendable, Equatable {
  /// Bytes of source.
  public var sourceSize = 1 << 20
  /// Nesting of blocks and expressions in the source.
  public var nesting = 120
  /// Nesting summed over all calls of macros and recursive loops under way; bounds the stack.
  public var calls = 1000
  /// Syntax nodes evaluated, loop iterations and elements visited.
  public var steps = 50_000_000
  /// Bytes of text and lists made, summed over the whole rendering.
  public var memory = 512 << 20
  /// Bytes of a single string.
  public var textSize = 64 << 20
  /// Bytes of rendered text.
  public var outputSize = 64 << 20
  /// Elements of a `range`; jinja2's sandbox has the same bound.
  public var rangeSize = 100_000

  /// Nesting of lists and dictionaries. Comparing, printing and freeing them recurse, so this is fixed.
  public static let valueDepth = 200

  /// The default bounds.
  public static let standard = TemplateLimits()

  /// The default bounds, to be changed one by one.
  public init() {}
}
