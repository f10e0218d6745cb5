// SPDX-License-Identifier: Apache-2.0
// `impetus diff`: what differs between two models.

import ArgumentParser
import Basics
import Library
import Store

struct Diff: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two models: settings, tokenizer, chat template and tensors.",
    discussion: """
      Tensors are compared by SHA-256 whichever file they lie in; those of files that both models share are not read. Ends
      with exit code 0 when the models are the same, 1 when they differ.

      Examples:
        impetus diff org/model org/model:q4
        impetus diff ./checkout org/model --json
      """)

  @Argument(help: "Name or folder of a model.", completion: ModelCompletion.kind)
  var left: String

  @Argument(help: "Name or folder of the other one.", completion: ModelCompletion.kind)
  var right: String

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption
  @OptionGroup var output: JSONOption

  func run() async throws {
    let (one, other) = (try storeOptions.locate(left), try storeOptions.locate(right))
    let bar = ProgressLine("comparing", mode: progress.progress)
    let comparison = try await blocking { isCancelled in
      defer { bar.finish() }
      return try Comparing(try ComparedModel(one), try ComparedModel(other)).run(
        threads: Processor.usableCores, progress: { bar.update(done: $0, total: $1) }, isCancelled: isCancelled)
    }
    if output.json {
      var object = comparison.json
      object["left"] = side(one)
      object["right"] = side(other)
      Output.standard.json(.object(object))
    } else {
      Output.standard.line(ComparisonText(style: Style(for: .standard)).text(comparison))
    }
    if !comparison.isSame { throw ExitCode(ExitStatus.failure.rawValue) }
  }

  private func side(_ model: LocatedModel) -> JSONValue {
    ["name": .string(model.name), "digest": model.stored.map { .string($0.digest.description) } ?? .null]
  }
}

/// Differences for people: `-` is on the left only, `+` on the right only.
struct ComparisonText {
  let style: Style
  /// Most differences of a document that are shown.
  private static let limit = 20

  func text(_ comparison: Comparison) -> String {
    guard !comparison.isSame else { return "the same: \(comparison.sameFileCount) files" }
    var lines: [String] = []
    for (name, difference) in (comparison.settings.map { $0 } + comparison.tokenizer.map { $0 })
      .sorted(by: { $0.key < $1.key })
    {
      lines.append(style.bold(name))
      for change in difference.changes.prefix(Self.limit) { lines += changed(change) }
      let more = difference.count - min(difference.count, Self.limit)
      if more > 0 { lines.append("  and \(more) more") }
    }
    for change in comparison.templates {
      lines.append(style.bold("chat template \(change.name.harmless)"))
      for line in LineDifference.excerpt(change.lines) { lines.append("  \(line.map { mark($0) } ?? "…")") }
    }
    if let tensors = comparison.tensors { lines += self.tensors(tensors) }
    lines.append(style.bold("files"))
    for change in comparison.files {
      let (left, right) = (
        change.left.map { Quantity.bytes($0.byteCount) }, change.right.map { Quantity.bytes($0.byteCount) }
      )
      switch (left, right) {
      case (let left?, let right?): lines.append("  ~ \(change.path)  \(left == right ? left : "\(left) → \(right)")")
      case (let left?, nil): lines.append(style.red("  - \(change.path)  \(left)"))
      default: lines.append(style.green("  + \(change.path)  \(right ?? "")"))
      }
    }
    lines.append("  \(comparison.sameFileCount) files are the same")
    return lines.joined(separator: "\n")
  }

  private func changed(_ change: JSONChange) -> [String] {
    func short(_ value: JSONValue) -> String {
      let text = JSONWriter.string(value).harmless
      return text.count > 100 ? "\(text.prefix(100))…" : text
    }
    let place = change.path.isEmpty ? "" : "\(change.path.harmless): "
    return [
      change.left.map { style.red("  - \(place)\(short($0))") },
      change.right.map { style.green("  + \(place)\(short($0))") },
    ].compactMap(\.self)
  }

  private func mark(_ line: LineChange) -> String {
    switch line {
    case .same: line.text.harmless
    case .removed: style.red(line.text.harmless)
    case .added: style.green(line.text.harmless)
    }
  }

  private func tensors(_ tensors: TensorComparison) -> [String] {
    func form(_ tensor: ComparedTensor) -> String {
      "\(tensor.dtype) [\(tensor.shape.map(String.init).joined(separator: ", "))]"
    }
    var lines = [style.bold("tensors"), "  \(tensors.sameCount) are the same, \(tensors.changes.count) are not"]
    for change in tensors.changes.prefix(Self.limit) {
      let name = change.name.harmless
      switch (change.left, change.right) {
      case (let left?, let right?):
        let what = form(left) == form(right) ? "\(form(left)) other values" : "\(form(left)) → \(form(right))"
        lines.append("  ~ \(name)  \(what)")
      case (let left?, nil): lines.append(style.red("  - \(name)  \(form(left))"))
      default: lines.append(style.green("  + \(name)  \(change.right.map(form) ?? "")"))
      }
    }
    let more = tensors.changes.count - min(tensors.changes.count, Self.limit)
    if more > 0 { lines.append("  and \(more) more") }
    return lines
  }
}
