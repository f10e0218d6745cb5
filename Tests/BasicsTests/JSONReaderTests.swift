// SPDX-License-Identifier: Apache-2.0
// What the JSON reader accepts and what it refuses.

import Basics
import Testing

@Suite struct JSONReaderTests {
  struct Valid: Sendable {
    let text: String
    let value: JSONValue
  }

  @Test(
    "valid documents",
    arguments: [
      Valid(text: "null", value: .null), Valid(text: " true ", value: true), Valid(text: "-0", value: 0),
      Valid(text: "12", value: 12), Valid(text: "1.0", value: .number(1)), Valid(text: "1e3", value: .number(1000)),
      Valid(text: "9223372036854775807", value: .integer(.max)),
      Valid(text: "-9223372036854775808", value: .integer(.min)),
      Valid(text: "9223372036854775808", value: .wideInteger("9223372036854775808")),
      Valid(text: "-12345678901234567890", value: .wideInteger("-12345678901234567890")),
      Valid(text: #""a\n\u00e9\ud83d\ude00\/""#, value: "a\né😀/"), Valid(text: "\"é😀\"", value: "é😀"),
      Valid(text: "[]", value: []), Valid(text: "[1, [2]]", value: [1, [2]]), Valid(text: "{}", value: [:]),
      Valid(text: #"{"a": {"b": [null]}, "c": "d"}"#, value: ["a": ["b": [.null]], "c": "d"]),
    ])
  func valid(_ sample: Valid) throws {
    #expect(try JSONReader.parse(sample.text) == sample.value)
  }

  @Test(
    "invalid documents are refused",
    arguments: [
      "", " ", "nul", "tru", "nullx", "01", "-", "1.", ".5", "1e", "+1", "NaN", "Infinity", "1e999", "\"", "\"\\x\"",
      "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "[", "[1", "[1,", "[1,]", "[,1]",
      "{",
      "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}", "{\"a\":1}{", "[1]]", "1 2",
      "{\"a\":1,\"a\":2}",
      "'a'", "// x",
    ])
  func invalid(_ text: String) {
    #expect(throws: JSONProblem.self) { try JSONReader.parse(text) }
  }

  @Test(
    "bytes that are not UTF-8 are refused",
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22],
      [0xEF, 0xBB, 0xBF, 0x31],
    ] as [[UInt8]])
  func invalidBytes(_ bytes: [UInt8]) {
    #expect(throws: JSONProblem.self) { try JSONReader.parse(bytes) }
  }

  @Test("nesting is bounded") func depth() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSONProblem(.tooDeep(128), at: 128)) { try JSONReader.parse(deep) }
    let fits = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    _ = try JSONReader.parse(fits)
  }

  @Test("size is bounded") func size() {
    #expect(throws: JSONProblem(.tooLong(3), at: 0)) { try JSONReader.parse("[1,2]", limits: JSONLimits(byteCount: 3)) }
  }

  @Test("of duplicate keys the last can be made to count") func duplicates() throws {
    let value = try JSONReader.parse(#"{"a":1,"b":2,"a":3}"#, limits: .lastKeyWins)
    #expect(value.objectValue?.keys == ["a", "b"])
    #expect(value["a"] == 3)
  }

  @Test("keys that only Unicode deems equal are different keys") func canonicalEquivalents() throws {
    let object = try #require(try JSONReader.parse("{\"e\u{301}\":1,\"\u{e9}\":2}").objectValue)
    #expect(object.count == 2)
    #expect(object["\u{e9}"] == 2)
  }

  @Test("large objects keep order and find keys") func large() throws {
    let text = "{" + (0..<5000).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}"
    let object = try #require(try JSONReader.parse(text).objectValue)
    #expect(object.keys == (0..<5000).map { "k\($0)" })
    #expect(object["k4321"] == 4321)
    #expect(throws: JSONProblem.self) { try JSONReader.parse(text.dropLast() + ",\"k17\":0}") }
  }
}

@Suite struct JSONWriterTests {
  let value: JSONValue = ["b": [1, 2.5, "é\"\u{1}"], "a": [:], "c": .null, "d": []]

  @Test("compact") func compact() {
    #expect(JSONWriter.string(value) == #"{"b":[1,2.5,"é\"\u0001"],"a":{},"c":null,"d":[]}"#)
  }

  @Test("as Python writes config files") func python() {
    let text = """
      {
          "a": {},
          "b": [
              1,
              2.5,
              "\\u00e9\\"\\u0001"
          ],
          "c": null,
          "d": []
      }
      """
    #expect(JSONWriter.string(value, options: .pythonConfig) == text)
  }

  @Test("what is written reads back", arguments: [0.1, 1e-5, 1e300, -0.0, 1.5e17, 2.2250738585072014e-308])
  func roundTrip(_ number: Double) throws {
    #expect(try JSONReader.parse(JSONWriter.string(.number(number))).doubleValue == number)
  }
}
