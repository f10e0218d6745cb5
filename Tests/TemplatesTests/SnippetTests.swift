// SPDX-License-Identifier: Apache-2.0
// Operators, filters, tests, methods, tags and mistakes, one by one, against jinja2's own results.

import Basics
import Support
import Templates
import Testing

@Suite("Jinja in small pieces")
struct SnippetTests {
  /// A snippet, shown by its source.
  struct Snippet: CustomTestStringConvertible, Sendable {
    let json: JSONValue
    var testDescription: String { json["template"]?.stringValue ?? "" }
  }

  struct Fixture: Sendable {
    let contexts: JSONValue
    let snippets: [Snippet]

    static let shared = Result {
      Fixture(
        contexts: try JSONReader.parse(Fixtures.bytes("templates/contexts.json")),
        snippets: try (Fixtures.jsonLines("templates/snippets.jsonl") + Fixtures.jsonLines("templates/integers.jsonl"))
          .map(Snippet.init))
    }
  }

  @Test("a snippet renders or fails as in jinja2", arguments: try Fixture.shared.get().snippets)
  func snippet(_ snippet: Snippet) throws {
    let json = snippet.json
    let context = try ChatContext(Fixture.shared.get().contexts[json["context"]?.stringValue ?? ""] ?? .null)
    let outcome = Result {
      try ChatTemplate(source: snippet.testDescription).render(context, now: VectorTests.clock)
    }
    switch outcome {
    case .success(let text):
      #expect(json["expected"]?.stringValue.map { Array($0.utf8) } == Array(text.utf8))
    case .failure(let problem as TemplateProblem):
      #expect(json["error"] != nil, "\(problem)")
      #expect(problem.isRaised == (json["error"]?.stringValue == "TemplateError"))
      if let message = json["message"]?.stringValue { #expect(problem.message == message) }
    case .failure(let other): Issue.record("\(other)")
    }
  }
}
