// SPDX-License-Identifier: Apache-2.0
// Comparing models: values, lines and tensors, each difference by its place.

import Basics
import Library
import Store
import Support
import Testing

@Suite struct ComparingTests {
  private static func parse(_ text: String) throws -> JSONValue { try JSONReader.parse(Array(text.utf8)) }

  @Test(
    "JSON is compared by value, wherever a key stands",
    arguments: [
      (#"{"a":1,"b":[1,2]}"#, #"{"b":[1,2],"a":1}"#, []),
      (#"{"a":{"b":1,"c":2}}"#, #"{"a":{"b":3,"d":4}}"#, ["a.b", "a.c", "a.d"]),
      (#"{"a":[1,2]}"#, #"{"a":[1,3]}"#, ["a"]), (#"1"#, #"1"#, []), (#"{"a":null}"#, #"{}"#, ["a"]),
      (#"{"a":1}"#, #"{"a":1.5}"#, ["a"]),
    ] as [(String, String, [String])])
  func json(left: String, right: String, paths: [String]) throws {
    let difference = JSONDifference(try Self.parse(left), try Self.parse(right))
    #expect(difference.changes.map(\.path) == paths)
    #expect(difference.count == paths.count)
  }

  @Test("long lists are compared place by place, and what is kept has a limit") func longLists() {
    let one = JSONValue.array((0..<5000).map { JSONValue($0) })
    let other = JSONValue.array((0..<5001).map { JSONValue($0 == 7 ? -1 : $0) })
    let difference = JSONDifference(one, other)
    #expect(difference.changes.map(\.path) == ["7", "5000"])
    let all = JSONDifference(one, .array((0..<5000).map { JSONValue($0 + 1) }))
    #expect(all.count == 5000)
    #expect(all.changes.count == 1000)
  }

  @Test(
    "lines are compared by what both have in common",
    arguments: [
      ("a\nb\nc", "a\nb\nc", "  a|  b|  c"), ("a\nb\nc", "a\nx\nc", "  a|- b|+ x|  c"),
      ("a\nc", "a\nb\nc", "  a|+ b|  c"), ("a\nb\nc", "c", "- a|- b|  c"), ("", "x", "- |+ x"),
      ("a\nb\nc\nd", "b\nd\ne", "- a|  b|- c|  d|+ e"),
    ])
  func lines(left: String, right: String, expected: String) {
    #expect(LineDifference.between(left, right).map(\.text).joined(separator: "|") == expected)
  }

  @Test("an excerpt leaves out what is far from a change") func excerpt() {
    let text = (0..<20).map(String.init)
    var other = text
    other[10] = "x"
    let shown = LineDifference.excerpt(
      LineDifference.between(text.joined(separator: "\n"), other.joined(separator: "\n")), around: 1)
    #expect(shown.map { $0?.text ?? "…" } == ["  9", "- 10", "+ x", "  11"])
  }

  /// A model's folder with two tensors.
  private func folder(
    values: [Float] = [1, 2], name: String = "b", template: String = "{{ x }}", layers: Int = 1, shards: Bool = false
  ) throws -> TemporaryFolder {
    let folder = try TemporaryFolder("impetus-compare")
    try folder.write("{\"model_type\":\"llama\",\"layers\":\(layers)}", to: "config.json")
    try folder.write("{\"chat_template\":\"\(template)\",\"eos\":\"</s>\"}", to: "tokenizer_config.json")
    let tensors = [(name: "a", shape: [1], values: [Float(7)]), (name: name, shape: [2], values: values)]
    if shards {
      for (index, tensor) in tensors.enumerated() {
        try folder.write(SafetensorsBuilder.floats([tensor]), to: "model-\(index).safetensors")
      }
    } else {
      try folder.write(SafetensorsBuilder.floats(tensors), to: "model.safetensors")
    }
    return folder
  }

  private func compare(_ left: TemporaryFolder, _ right: TemporaryFolder) throws -> Comparison {
    let library = ModelLibrary(root: "/nonexistent")
    return try Comparing(
      try ComparedModel(try library.locate(left.path)), try ComparedModel(try library.locate(right.path))
    ).run(threads: 2)
  }

  @Test("equal folders are the same") func same() throws {
    let comparison = try compare(try folder(), try folder())
    #expect(comparison.isSame)
    #expect(comparison.sameFileCount == 3)
    #expect(comparison.tensors?.sameCount == 2)
  }

  @Test("tensors are compared by value, whichever file they lie in") func tensors() throws {
    let moved = try compare(try folder(), try folder(shards: true))
    #expect(!moved.isSame)
    #expect(moved.tensors?.sameCount == 2)
    #expect(moved.tensors?.changes.isEmpty == true)
    let changed = try compare(try folder(), try folder(values: [1, 3]))
    #expect(changed.tensors?.changes.map(\.name) == ["b"])
    let change = try #require(changed.tensors?.changes.first)
    #expect(change.left?.shape == [2])
    #expect(change.left?.digest != change.right?.digest)
    let renamed = try compare(try folder(), try folder(name: "c"))
    #expect(renamed.tensors?.changes.map(\.name) == ["b", "c"])
    #expect(renamed.tensors?.changes.map { $0.left == nil } == [false, true])
  }

  @Test("settings and templates are told apart") func settings() throws {
    let comparison = try compare(try folder(), try folder(template: "{{ y }}", layers: 2))
    #expect(comparison.settings["config.json"]?.changes.map(\.path) == ["layers"])
    #expect(comparison.tokenizer.isEmpty)
    #expect(comparison.templates.map(\.name) == ["default"])
    #expect(comparison.changesBehaviour)
    #expect(comparison.templates.first?.lines == [.removed("{{ x }}"), .added("{{ y }}")])
  }
}
