// SPDX-License-Identifier: Apache-2.0
// The public face: contexts, clocks, problems with their lines, use from several tasks.

import Templates
import Testing

@Suite("ChatTemplate")
struct ChatTemplateTests {
  static let now = VectorTests.clock

  @Test(
    "problems carry the line of the template",
    arguments: [
      ("a\n{{ x.y.z }}\n", 2), ("{% if true %}\n\n{{ 1 + 'a' }}{% endif %}", 3), ("a\n\n{% frobnicate %}", 3),
      ("{% macro f() %}\n{{ 1/0 }}\n{% endmacro %}\n{{ f() }}", 2), ("\n\n{{ raise_exception('no') }}", 3),
      ("{% for a, b in [1] %}\n{% endfor %}", 1), ("{{ 'a\nb' }}\n{{ 1 +\n }}", 4),
    ])
  func lines(_ source: String, _ line: Int) {
    let problem = #expect(throws: TemplateProblem.self) {
      try ChatTemplate(source: source).render(context: [:], now: ChatTemplateTests.now)
    }
    #expect(problem?.line == line)
  }

  @Test("raise_exception is told apart and keeps its message")
  func raised() throws {
    let template = try ChatTemplate(source: "{{ raise_exception('Roles must alternate') }}")
    #expect(throws: TemplateProblem.raised(message: "Roles must alternate", line: 1)) {
      try template.render(context: [:], now: ChatTemplateTests.now)
    }
  }

  @Test("the context may replace functions of the environment")
  func replaced() throws {
    let template = try ChatTemplate(source: "{{ range }} {{ strftime_now is defined }}")
    #expect(try template.render(context: ["range": 5], now: ChatTemplateTests.now) == "5 True")
  }

  @Test("asks(for:) knows the variables of a template")
  func asks() throws {
    let template = try ChatTemplate(source: "{% if tools %}{{ tools }}{% endif %}{% set x = 1 %}{{ x }}")
    #expect(template.asks(for: "tools"))
    #expect(!template.asks(for: "documents"))
  }

  @Test("one template renders in many tasks at once")
  func concurrent() async throws {
    let template = try ChatTemplate(
      source: "{% set ns = namespace(n=0) %}{% for i in range(n) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}")
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for n in 0..<64 {
        group.addTask {
          try template.render(context: ["n": .int(n)], now: ChatTemplateTests.now) == "\(n * (n - 1) / 2)"
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }

  @Test(
    "a message's reasoning stands under both names",
    arguments: [
      ("reasoning", "R|R"), ("thinking", "R|R"), ("reasoning_content", "R|R"), ("other", "|"),
    ])
  func reasoning(_ key: String, _ expected: String) throws {
    let template = try ChatTemplate(source: "{{ messages[0].reasoning_content }}|{{ messages[0].thinking }}")
    let context = ChatContext(messages: [.dict([.init("role", "assistant"), .init(key, "R")])])
    #expect(try template.render(context, now: ChatTemplateTests.now) == expected)
  }

  @Test("text is compared by code points, not by canonical equivalence")
  func codePoints() throws {
    let template = try ChatTemplate(source: "{{ a == b }} {{ a|length }} {{ b|length }} {{ c|length }}")
    let context: [String: Value] = ["a": "\u{E9}", "b": "e\u{301}", "c": "\r\n"]
    #expect(try template.render(context: context, now: ChatTemplateTests.now) == "False 1 2 2")
  }
}

@Suite("TemplateClock")
struct TemplateClockTests {
  @Test(
    "strftime formats as in the C locale",
    arguments: [
      ("%a %A %b %B %d %e %j %y %Y %C", "Fri Friday Jul July 26 26 208 24 2024 20"),
      ("%H %I %M %S %p %P %T %R %r", "14 02 05 09 PM pm 14:05:09 14:05 02:05:09 PM"),
      ("%-d %-m %-I %_H %05d %^b %^A", "26 7 2 14 00026 JUL FRIDAY"),
      ("%U %W %V %G %u %w", "29 30 30 2024 5 5"),
      ("%c|%x|%X|%D|%F", "Fri Jul 26 14:05:09 2024|07/26/24|14:05:09|07/26/24|2024-07-26"),
      ("%% %n%t %f %Z %q %", "% \n\t 000000  %q %"), ("é %s", "é 1722002709"),
    ])
  func format(_ format: String, _ expected: String) throws {
    let template = try ChatTemplate(source: "{{ strftime_now(f) }}")
    #expect(try template.render(context: ["f": .string(format)], now: VectorTests.clock) == expected)
  }

  @Test("a moment is read from text")
  func reading() {
    #expect(TemplateClock("2024-07-26T14:05:09") == VectorTests.clock)
    #expect(TemplateClock("2024-07-26") == TemplateClock(year: 2024, month: 7, day: 26))
    for wrong in ["", "now", "2024-13-01", "2024-07", "2024-07-26T25:00:00", "2024-07-26Tx"] {
      #expect(TemplateClock(wrong) == nil)
    }
  }

  @Test(
    "a moment is made of seconds since 1970",
    arguments: [
      (0, TemplateClock(year: 1970, month: 1, day: 1)),
      (1_722_002_709, TemplateClock(year: 2024, month: 7, day: 26, hour: 14, minute: 5, second: 9)),
      (951_782_400, TemplateClock(year: 2000, month: 2, day: 29)),
      (-1, TemplateClock(year: 1969, month: 12, day: 31, hour: 23, minute: 59, second: 59)),
    ])
  func seconds(_ seconds: Int, _ expected: TemplateClock) {
    #expect(TemplateClock(secondsSince1970: seconds) == expected)
  }
}
