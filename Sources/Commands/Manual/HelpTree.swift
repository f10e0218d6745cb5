// SPDX-License-Identifier: Apache-2.0
// The command tree as the parser describes itself (its help dump), read into a few plain types.

import ArgumentParser
import Basics

/// A command with its arguments and subcommands.
struct HelpTree {
  struct Argument {
    let isFlag: Bool
    let isPositional: Bool
    let names: [String]
    let valueName: String
    let abstract: String
    let defaultValue: String?
    let isOptional: Bool
    let isRepeating: Bool
    let values: [String]
  }

  let name: String
  let abstract: String
  let discussion: String
  let arguments: [Argument]
  let subcommands: [HelpTree]

  /// The whole tree of the program, hidden commands and options left out.
  static func program() throws -> HelpTree {
    let dump = try JSONReader.parse(Impetus._dumpHelp())
    return HelpTree(dump["command"] ?? .null)
  }

  private init(_ json: JSONValue) {
    name = json["commandName"]?.stringValue ?? ""
    abstract = json["abstract"]?.stringValue ?? ""
    discussion = json["discussion"]?.stringValue ?? ""
    arguments = (json["arguments"]?.arrayValue ?? []).filter(Self.isShown).map(Argument.init)
    subcommands = (json["subcommands"]?.arrayValue ?? []).filter(Self.isShown)
      .filter { $0["commandName"]?.stringValue != "help" }.map(HelpTree.init)
  }

  private static func isShown(_ json: JSONValue) -> Bool { json["shouldDisplay"]?.boolValue ?? true }
}

extension HelpTree.Argument {
  fileprivate init(_ json: JSONValue) {
    isFlag = json["kind"]?.stringValue == "flag"
    isPositional = json["kind"]?.stringValue == "positional"
    names = (json["names"]?.arrayValue ?? []).map { name in
      let text = name["name"]?.stringValue ?? ""
      return name["kind"]?.stringValue == "short" ? "-\(text)" : "--\(text)"
    }
    valueName = json["valueName"]?.stringValue ?? ""
    abstract = json["abstract"]?.stringValue ?? ""
    defaultValue = json["defaultValue"]?.stringValue
    isOptional = json["isOptional"]?.boolValue ?? true
    isRepeating = json["isRepeating"]?.boolValue ?? false
    values = (json["allValues"]?.arrayValue ?? []).compactMap(\.stringValue)
  }
}
