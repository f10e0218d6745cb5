// SPDX-License-Identifier: Apache-2.0
// Every case of Fixtures/templates, made with transformers, byte by byte.

import Basics
import Support
import Templates
import Testing

@Suite("Chat template vectors")
struct VectorTests {
  static let clock = TemplateClock(year: 2024, month: 7, day: 26, hour: 14, minute: 5, second: 9)

  /// A case, shown by its name.
  struct Vector: CustomTestStringConvertible, Sendable {
    let json: JSONValue
    var testDescription: String { json["name"]?.stringValue ?? "" }

    static let all = Result { try Fixtures.jsonLines("templates/cases.jsonl").map(Vector.init) }
  }

  @Test("every case renders or fails as in transformers", arguments: try Vector.all.get())
  func vector(_ test: Vector) throws {
    let vector = test.json
    let name = vector["name"]?.stringValue ?? ""
    let source = try #require(vector["template"]?.stringValue)
    let context = ChatContext(vector["context"] ?? .null)
    let outcome = Result { try ChatTemplate(source: source).render(context, now: VectorTests.clock) }
    guard let error = vector["error"] else {
      let expected = try #require(vector["expected"]?.stringValue)
      #expect(try Array(outcome.get().utf8) == Array(expected.utf8), "\(name)")
      return
    }
    let message = error["message"]?.stringValue
    switch outcome {
    case .success(let text): Issue.record("\(name) should fail, but gives \(text)")
    case .failure(let problem as TemplateProblem):
      #expect(problem.isRaised == (error["kind"]?.stringValue == "raised"), "\(name)")
      #expect(problem.message == message, "\(name)")
    case .failure(let other): Issue.record("\(name): \(other)")
    }
  }
}
