// SPDX-License-Identifier: Apache-2.0
// Manual pages in mdoc(7), made from the commands themselves; `make man` writes them, a test compares them.

import Basics

/// Renders one page a command.
struct ManualPage {
  let program: String
  let command: HelpTree
  let isRoot: Bool

  /// File name such as `impetus-pull.1`.
  var fileName: String { "\(title).1" }
  private var title: String { isRoot ? program : "\(program)-\(command.name)" }

  /// All pages of the program.
  static func all() throws -> [ManualPage] {
    let root = try HelpTree.program()
    return [ManualPage(program: root.name, command: root, isRoot: true)]
      + root.subcommands.map { ManualPage(program: root.name, command: $0, isRoot: false) }
  }

  /// The page's text. It carries no date, so that it changes only with the commands.
  var text: String {
    var lines = [
      ".\\\" Made by `make man` from the command definitions; do not edit.",
      ".Dd $Mdocdate$", ".Dt \(title.uppercased()) 1", ".Os \(program) \(Program.version)",
      ".Sh NAME", ".Nm \(title)", ".Nd \(escape(withoutFullStop(command.abstract)))",
      ".Sh SYNOPSIS",
    ]
    lines += synopsis
    lines += description
    if !command.arguments.isEmpty { lines += [".Sh OPTIONS"] + options }
    if isRoot { lines += subcommandList }
    for child in isRoot ? [] : command.subcommands { lines += section(of: child) }
    lines += ManualSections.environment(for: title).flatMap { $0 }
    lines += ManualSections.exitStatus
    lines += [".Sh SEE ALSO"] + seeAlso
    return lines.joined(separator: "\n") + "\n"
  }

  private var synopsis: [String] {
    var lines = [".Nm \(isRoot ? program : program) \(isRoot ? "" : command.name)".trimmed]
    for argument in command.arguments { lines.append(synopsisItem(argument)) }
    if !command.subcommands.isEmpty { lines.append(".Ar command") }
    return lines
  }

  private func synopsisItem(_ argument: HelpTree.Argument) -> String {
    let value = argument.isPositional ? "Ar \(argument.valueName)" : flag(argument)
    let item = argument.isOptional || argument.isFlag ? ".Op \(value)" : ".\(value)"
    return argument.isRepeating ? item + " ..." : item
  }

  private func flag(_ argument: HelpTree.Argument) -> String {
    let name = argument.names.last { $0.hasPrefix("--") } ?? argument.names.first ?? ""
    return "Fl \(String(name.dropFirst()))" + (argument.isFlag ? "" : " Ar \(argument.valueName)")
  }

  private var description: [String] {
    let (prose, examples) = split(command.discussion)
    var lines = [".Sh DESCRIPTION", escape(command.abstract)]
    if !prose.isEmpty { lines += [".Pp"] + paragraphs(prose) }
    if !examples.isEmpty { lines += [".Sh EXAMPLES", ".Bd -literal -offset indent"] + examples.map(escape) + [".Ed"] }
    return lines
  }

  /// A discussion's prose, and the indented lines after `Examples:`.
  private func split(_ discussion: String) -> (prose: [String], examples: [String]) {
    let lines = discussion.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let start = lines.firstIndex(of: "Examples:") else { return (lines, []) }
    let rest = lines[(start + 1)...]
    let examples = rest.prefix { $0.hasPrefix(" ") || $0.isEmpty }.map { String($0.drop { $0 == " " }) }
    return (Array(lines[..<start]) + rest.dropFirst(examples.count), examples)
  }

  private func paragraphs(_ lines: [String]) -> [String] {
    var output: [String] = []
    for line in lines {
      if line.isEmpty { if output.last != ".Pp" { output.append(".Pp") } } else { output.append(escape(line)) }
    }
    while output.last == ".Pp" { output.removeLast() }
    return output
  }

  private var options: [String] { Self.list(command.arguments) }

  private static func list(_ arguments: [HelpTree.Argument]) -> [String] {
    var lines = [".Bl -tag -width indent"]
    for argument in arguments {
      if argument.isPositional {
        lines.append(".It Ar \(argument.valueName)")
      } else {
        let names = argument.names.map { "Fl \(String($0.dropFirst()))" }.joined(separator: " , ")
        lines.append(".It \(names)" + (argument.isFlag ? "" : " Ar \(argument.valueName)"))
      }
      lines.append(escape(argument.abstract))
      if let value = argument.defaultValue, !value.isEmpty { lines.append("The default is \(escape(value)).") }
    }
    return lines + [".El"]
  }

  private var subcommandList: [String] {
    [".Sh COMMANDS", ".Bl -tag -width indent"]
      + command.subcommands.flatMap { [".It Xr \(program)-\($0.name) 1", escape($0.abstract)] } + [".El"]
  }

  private func section(of child: HelpTree) -> [String] {
    [".Ss \(command.name) \(child.name)", escape(child.abstract)]
      + (child.arguments.isEmpty ? [] : Self.list(child.arguments))
  }

  private var seeAlso: [String] { [isRoot ? ".Pa https://huggingface.co/docs/hub" : ".Xr \(program) 1"] }

  private func withoutFullStop(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }
  private func escape(_ text: String) -> String { Self.escape(text) }

  /// Text that mdoc takes as it is: a leading point or quote would be a request.
  private static func escape(_ text: String) -> String {
    let safe = text.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\e")
    return safe.hasPrefix(".") || safe.hasPrefix("'") ? "\\&" + safe : safe
  }
}

extension String {
  /// Without blanks at the end.
  fileprivate var trimmed: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
