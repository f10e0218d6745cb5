// SPDX-License-Identifier: Apache-2.0

import Inference
import Testing

@Suite("StopStrings")
struct StopStringsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let stops: [String]
    let kept: String
    let stop: String?
    var testDescription: String { "\(text) by \(stops)" }
  }

  @Test(
    "cuts the text at the first stop, however the text arrives",
    arguments: [
      Case(text: "one two three", stops: ["two"], kept: "one ", stop: "two"),
      Case(text: "one two three", stops: ["three", "two"], kept: "one ", stop: "two"),
      Case(text: "aaab", stops: ["aab"], kept: "a", stop: "aab"),
      Case(text: "no stop here", stops: ["zzz"], kept: "no stop here", stop: nil),
      Case(text: "ends with a begin", stops: ["beginning"], kept: "ends with a begin", stop: nil),
      Case(text: "wörld — ünd", stops: ["—"], kept: "wörld ", stop: "—"),
      Case(text: "abc", stops: ["abc"], kept: "", stop: "abc"),
      Case(text: "abc", stops: ["bc", "b"], kept: "a", stop: "b"),
      Case(text: "🙂🙃", stops: ["🙃"], kept: "🙂", stop: "🙃"),
      Case(text: "line\n\nnext", stops: ["\n\n"], kept: "line", stop: "\n\n"),
      Case(text: "empty", stops: [""], kept: "empty", stop: nil),
      Case(text: "", stops: ["x"], kept: "", stop: nil),
    ])
  func cuts(_ one: Case) {
    let characters = Array(one.text)
    for width in 1...max(1, characters.count) {
      var stops = StopStrings(one.stops)
      var kept = ""
      var found: String?
      var place = 0
      while place < characters.count && found == nil {
        let outcome = stops.push(String(characters[place..<min(place + width, characters.count)]))
        kept += outcome.text
        found = outcome.stop
        place += width
      }
      if found == nil { kept += stops.finish() }
      #expect(kept == one.kept, "pieces of \(width)")
      // Of two stops at one place the shorter counts, which the longer contains.
      #expect(found == one.stop, "pieces of \(width)")
    }
  }

  @Test("holds back only what may become a stop")
  func holds() {
    var stops = StopStrings(["STOP"])
    #expect(stops.push("text ST").text == "text ")
    #expect(stops.push("ATUS").text == "STATU")
    #expect(stops.push("!").text == "S!")
    #expect(stops.push("STO").text == "")
    #expect(stops.finish() == "STO")
  }
}
