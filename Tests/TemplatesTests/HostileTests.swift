// SPDX-License-Identifier: Apache-2.0
// Templates that try to overflow the stack, fill the memory or run for ever. Each must end soon, with
// the limit it ran into.

import Glibc
import Templates
import Testing

@Suite("Hostile templates", .serialized)
struct HostileTests {
  struct Attack: CustomTestStringConvertible, Sendable {
    let name: String
    let limit: TemplateLimit?
    let source: String
    var testDescription: String { name }

    init(_ name: String, _ limit: TemplateLimit?, _ source: String) {
      self.name = name
      self.limit = limit
      self.source = source
    }
  }

  private static func times(_ text: String, _ count: Int = 20_000) -> String {
    String(repeating: text, count: count)
  }

  private static func nest(_ open: String, _ inner: String, _ close: String, _ count: Int = 20_000) -> String {
    times(open, count) + inner + times(close, count)
  }

  private static func repeated(_ rounds: Int, _ body: String, then end: String = "") -> String {
    "{% set ns = namespace(x=1, y=1) %}{% for i in range(\(rounds)) %}\(body){% endfor %}\(end)"
  }

  static let nesting: [Attack] = [
    Attack("parentheses", .nesting, "{{ " + nest("(", "1", ")") + " }}"),
    Attack("lists", .nesting, "{{ " + nest("[", "1", "]") + " }}"),
    Attack("dictionaries", .nesting, "{{ " + nest("{1:", "1", "}") + " }}"),
    Attack("nots", .nesting, "{{ " + times("not ") + "1 }}"),
    Attack("signs", .nesting, "{{ " + times("-") + "1 }}"),
    Attack("attributes", .nesting, "{{ x" + times(".a") + " }}"),
    Attack("items", .nesting, "{{ x" + times("[0]") + " }}"),
    Attack("calls", .nesting, "{{ x" + times("()") + " }}"),
    Attack("filters", .nesting, "{{ 'x'" + times("|upper") + " }}"),
    Attack("sums", .nesting, "{{ 1" + times("+1") + " }}"),
    Attack("conditions", .nesting, "{{ " + times("1 if 0 else ") + "1 }}"),
    Attack("conditions to the left", .nesting, "{{ 1" + times(" if 1") + " }}"),
    Attack("ifs", .nesting, nest("{% if 1 %}", "", "{% endif %}")),
    Attack("set blocks", .nesting, nest("{% set x %}", "", "{% endset %}")),
    Attack("macros", .nesting, nest("{% macro m() %}", "", "{% endmacro %}")),
    Attack("a chain of comparisons", nil, "{{ 1" + times("<=1") + " }}"),
    Attack("a chain of tildes", nil, "{{ 1" + times("~1") + " }}"),
    Attack("a chain of elifs", nil, "{% if 0 %}" + times("{% elif 0 %}") + "{% endif %}"),
  ]

  static let recursion: [Attack] = [
    Attack("a macro that calls itself", .calls, "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
    Attack("a macro that calls itself twice", .calls, "{% macro f() %}{{ f() + f() }}{% endmacro %}{{ f() }}"),
    Attack(
      "macros that call each other", .calls,
      "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}"),
    Attack(
      "a macro as high as may be", .calls,
      "{% macro f() %}" + nest("{% if 1 %}", "{{ " + nest("(", "f()", ")", 25) + " }}", "{% endif %}", 60)
        + "{% endmacro %}{{ f() }}"),
    Attack(
      "callers of callers", .calls,
      "{% macro f(n) %}{% if n %}{% call f(n - 1) %}{{ caller() }}{% endcall %}{% else %}{{ caller() }}{% endif %}"
        + "{% endmacro %}{% call f(100000) %}x{% endcall %}"),
    Attack("a loop over itself", .calls, "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"),
    Attack("a list in a list in a list", .valueDepth, repeated(100_000, "{% set ns.x = [ns.x] %}")),
    Attack("a method of a list of a method", .valueDepth, repeated(50_000, "{% set ns.x = [ns.x].index %}")),
    Attack("a cycler of a cycler", .valueDepth, repeated(50_000, "{% set ns.x = cycler(ns.x) %}")),
    Attack("an iterator of an iterator", .valueDepth, repeated(50_000, "{% set ns.x = [ns.x]|select %}")),
    Attack("a namespace that holds itself", nil, "{% set ns = namespace() %}{% set ns.x = [ns] %}ok"),
    Attack("a chain of namespaces", nil, repeated(100_000, "{% set ns.x = namespace(n=ns.x) %}")),
    Attack(
      "a chain of macros", nil,
      repeated(100_000, "{% set p = ns.x %}{% macro m() %}{{ p }}{% endmacro %}{% set ns.x = m %}")),
    Attack(
      "a chain of loops", nil, repeated(50_000, "{% for y in [ns.x] %}{% set ns.x = loop %}{% endfor %}")),
  ]

  static let resources: [Attack] = [
    Attack("a long string", .textSize, "{{ 'a' * 10**9 }}"),
    Attack("the longest string", .textSize, "{{ 'ab' * 9223372036854775807 }}"),
    Attack("a long list", .memory, "{{ [0] * 10**9 }}"),
    Attack("a string doubled", .textSize, repeated(100, "{% set ns.x = ns.x ~ ns.x %}")),
    Attack(
      "a list doubled", .memory,
      "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"),
    Attack(
      "a list of itself twice, printed", .textSize, repeated(100, "{% set ns.x = [ns.x, ns.x] %}", then: "{{ ns.x }}")),
    Attack(
      "a list of itself twice, as JSON", .textSize,
      repeated(100, "{% set ns.x = [ns.x, ns.x] %}", then: "{{ ns.x|tojson }}")),
    Attack(
      "a list of itself twice, compared", .steps,
      repeated(100, "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}", then: "{{ ns.x == ns.y }}")),
    Attack(
      "a tuple of itself twice, as a key", .steps,
      repeated(100, "{% set ns.x = (ns.x, ns.x) %}", then: "{{ {ns.x: 1} }}")),
    Attack("an endless power", .memory, "{{ 7 ** (10**12) }}"),
    Attack(
      "large powers, one after the other", .steps,
      "{% for a in range(99999) %}{% set x = 7 ** 23000 %}{% endfor %}"),
    Attack(
      "large integers printed", .steps,
      "{% set x = 7 ** 5000 %}{% for a in range(99999) %}{% set y = x ~ '' %}{% endfor %}"),
    Attack("a long range", .rangeSize, "{{ range(10**9)|list }}"),
    Attack("the longest range", .rangeSize, "{{ range(-9223372036854775807, 9223372036854775807) }}"),
    Attack("loops in loops", nil, "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
    Attack("much output", .outputSize, "{% for a in range(99999) %}{{ 'a' * 100000 }}{% endfor %}"),
    Attack("a wide format", .textSize, "{{ '%1000000000d' % 1 }}"),
    Attack("a wide format in braces", .textSize, "{{ '{:1000000000}'.format(1) }}"),
    Attack("many digits", .textSize, "{{ '%.1000000000f' % 1.5 }}"),
    Attack("padding", .textSize, "{{ 'a'.center(10**12) ~ 'a'.ljust(10**12) }}"),
    Attack("indentation", .textSize, "{{ 'a'|indent(10**12) }}"),
    Attack("many lines indented", .memory, "{{ ('a\\n' * 100000)|indent(10**6) }}"),
    Attack("JSON indented", .textSize, "{{ [1]|tojson(indent=10**12) }}"),
    Attack("a replacement longer than the original", .textSize, "{{ ('a' * 10**6).replace('a', 'b' * 10**6) }}"),
    Attack("a long separator", .textSize, "{{ range(99999)|join('b' * 10**6) }}"),
    Attack("tabs", .textSize, "{{ 'a\\tb'.expandtabs(10**9) }}"),
    Attack("rows filled up", .memory, "{{ [1]|batch(10**12, 0)|list }}"),
    Attack("a repetitive search", nil, "{{ ('a' * 10**6).find('a' * 500000 ~ 'b') }}"),
    Attack(
      "code points one by one", .steps,
      "{% set s = 'é' * 99999 %}{% for i in range(99999) %}{% set x = s[i] %}{% endfor %}"),
    Attack("a source too long", .sourceSize, times("x", 2_000_000)),
    Attack("braces", nil, times("{", 100_000)),
    Attack("white space", nil, times(" ", 500_000) + "{%- if 1 %}{% endif %}"),
  ]

  /// Expressions that take long, in a loop in a loop, behind assignments to `a`, `b` and `l`.
  static let expensive: [Attack] = [
    ("a == b", "7 ** 23000", "7 ** 23000 + 1", "[]"), ("a < b", "7 ** 23000", "7 ** 23000 + 1", "[]"),
    ("a in l", "7 ** 23000 + 1", "7 ** 23000", "[b] * 10000"), ("l|sort", "0", "7 ** 23000", "[b] * 10000"),
    ("l|unique|list", "0", "7 ** 23000", "[b] * 10000"), ("l|sum", "0", "7 ** 23000", "[b] * 1000"),
    ("a // b", "7 ** 23000", "7 ** 11000", "[]"), ("3 / b", "0", "7 ** 11000", "[]"),
    ("a|float", "7 ** 300", "0", "[]"), ("l|tojson", "0", "7 ** 5000", "[b] * 100"),
    ("1.23456|round(300)", "0", "0", "[]"), ("1e-300 ~ ''", "0", "0", "[]"), ("'%.1000f' % 1e300", "0", "0", "[]"),
    ("a in l", "'a' * 999999 ~ 'c'", "'a' * 999999 ~ 'b'", "[b] * 10000"),
    ("l|unique|list", "0", "'a' * 999999", "[b] * 10000"), ("l|sort", "0", "'a' * 999999", "[b] * 1000"),
    ("{a: 1}", "'a' * 999999", "0", "[]"), ("l[a]", "'a' * 999999", "0", "{a: 1}"),
    ("a in l", "('a' * 99999, 'b')", "0", "{a: 1}"), ("l.get(a)", "('a' * 99999, 'b')", "0", "{a: 1}"),
    ("a.replace('a', 'b')", "'a' * 60000", "0", "[]"), ("a.count('a')", "'a' * 60000", "0", "[]"),
    ("a.split()", "'a ' * 60000", "0", "[]"), ("a|wordcount", "'a ' * 60000", "0", "[]"),
    ("a.find(b)", "'a' * 60000", "'a' * 20 ~ 'b'", "[]"), ("a[::-1]", "'a' * 60000", "0", "[]"),
    ("a|title", "'a ' * 60000", "0", "[]"), ("a|urlencode", "'é' * 60000", "0", "[]"),
    ("a|striptags", "'<a> ' * 20000", "0", "[]"), ("a|wordwrap(3)", "'a ' * 20000", "0", "[]"),
    ("l|map(attribute=a)|list", "'é<a> ' * 170000", "0", "[{'x': a}] * 1000"),
    ("a.title()", "'ab, ' * 262144", "0", "[]"), ("a.swapcase()", "'a' * 999999", "0", "[]"),
    ("a.islower()", "'a' * 999999", "0", "[]"), ("a is lower", "'a' * 999999", "0", "[]"),
    ("a is filter", "'a' * 999999", "0", "[]"), ("a|int", "'é' * 500000", "0", "[]"),
    ("a|sort", "'ab, ' * 262144", "0", "[]"), ("a|groupby(0)|list", "'ab, ' * 262144", "0", "[]"),
    ("a[::2]", "'é' * 500000", "0", "[]"), ("a|truncate(900000)", "'é<a> ' * 170000", "0", "[]"),
    ("a.strip(b)", "'a' * 999999", "'a' * 400000 ~ 'b'", "[]"),
    ("a.find(b)", "'a' * 999999", "'a' * 400000 ~ 'b'", "[]"),
    ("l|select('equalto', b)|list", "'a' * 999999", "'a' * 400000", "[a] * 1000"),
    ("a|attr('upper')", "'a'", "0", "[]"), ("a|default(b)", "'a'", "0", "[]"), ("namespace(x=a).x", "'a'", "0", "[]"),
    ("a." + times("n", 500_000), "{'x': 1}", "0", "[]"), ("a['" + times("n", 500_000) + "']", "{'x': 1}", "0", "[]"),
  ].map { expression, a, b, l in
    Attack(
      "\(expression.prefix(60)) with \(a), \(b), \(l)", nil,
      "{% set a = \(a) %}{% set b = \(b) %}{% set l = \(l) %}"
        + "{% for i in range(99999) %}{% for j in range(99999) %}{% set x = \(expression) %}{% endfor %}{% endfor %}")
  }

  /// Seconds of processor time a thread may take: what it really takes in a release build, several times over.
  private static let limit: Double = {
    var isDebug = false
    assert({ isDebug = true }() == ())
    return isDebug ? 60 : 5
  }()

  /// Processor time of this thread: the clock would count what other tests take too.
  private static var processorTime: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  @Test("is stopped, or harmless", arguments: nesting + recursion + resources)
  func attack(_ attack: Attack) { run(attack, .standard, seconds: Self.limit) }

  @Test("takes time in proportion to the steps it may take", arguments: expensive)
  func work(_ attack: Attack) {
    // A tenth of the usual steps, in a tenth of the time.
    var limits = TemplateLimits()
    limits.steps /= 10
    run(attack, limits, seconds: Self.limit / 10)
  }

  private func run(_ attack: Attack, _ limits: TemplateLimits, seconds: Double) {
    let start = Self.processorTime
    var met: TemplateLimit?
    do throws(TemplateProblem) {
      _ = try ChatTemplate(source: attack.source, limits: limits).render(context: ["x": [1]], now: VectorTests.clock)
    } catch {
      if case .limit(let limit, _, _) = error { met = limit }
    }
    if let limit = attack.limit { #expect(met == limit) }
    #expect(Self.processorTime - start < seconds)
  }

  @Test(
    "numbers at the edges of machine words do not trap",
    arguments: [
      "2**100", "9223372036854775807 + 1", "9223372036854775807 * 2", "-(-9223372036854775807 - 1)",
      "(-9223372036854775807 - 1) // -1", "(-9223372036854775807 - 1) % -1", "(-9223372036854775807 - 1)|abs",
      "9223372036854775807|round(-18)", "1|round(-10**18)", "1.5|round(10**18)", "1e300|int", "'%c' % -1",
      "[1, 2, 3][::-9223372036854775807 - 1]", "'abc'[9223372036854775807:-9223372036854775807 - 1:-1]",
      "[1][-9223372036854775807 - 1]", "range(0, 9223372036854775807, 9223372036854775806)[::9223372036854775807]",
      "range(-9223372036854775807, 9223372036854775807, 9223372036854775807)|list",
      "9223372036854775807 in range(-9223372036854775807, 9223372036854775807, 9223372036854775807)",
      "'abc'.find('b', -9223372036854775807 - 1)", "'abc'|truncate(9223372036854775807, leeway=9223372036854775807)",
      "'\\ud800\\U00110000'", "'{a[99999999999999999999]}'.format(a=[1])", "strftime_now('%99999999999d')",
    ])
  func edges(_ expression: String) {
    _ = try? ChatTemplate(source: "{{ \(expression) }}").render(context: [:], now: VectorTests.clock)
  }

  @Test("limits can be set")
  func limits() throws {
    var limits = TemplateLimits.standard
    limits.outputSize = 10
    let template = try ChatTemplate(source: "{{ x }}", limits: limits)
    #expect(try template.render(context: ["x": "0123456789"], now: VectorTests.clock) == "0123456789")
    #expect(throws: TemplateProblem.self) {
      try template.render(context: ["x": "0123456789A"], now: VectorTests.clock)
    }
  }

  @Test("a context too deep is refused")
  func deepContext() throws {
    var value: Value = 1
    for _ in 0..<1000 { value = .list([value]) }
    let template = try ChatTemplate(source: "{{ x }}")
    let context = [Value.Entry("x", value)]
    #expect(throws: TemplateProblem.self) { try template.render(context: context, now: VectorTests.clock) }
  }
}
