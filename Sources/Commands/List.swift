// SPDX-License-Identifier: Apache-2.0
// `impetus list`, `show` and `path`: what the store holds.

import ArgumentParser
import Basics
import Hub
import Library
import Store

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the models of the store.",
    discussion: """
      Examples:
        impetus list
        impetus list --json
        impetus list --quiet | xargs -n1 impetus verify
      """,
    aliases: ["ls"])

  @Flag(name: .shortAndLong, help: "Print only names, one a line.")
  var quiet = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let library = try storeOptions.library()
    let damaged = try library.stores.flatMap { try $0.survey().damaged }
    let models = try library.models()
    for one in damaged { note("\(one.place) is damaged: \(one.problem.description)") }
    if output.json {
      Output.standard.json(
        .array(
          models.map { store, model in
            var object = ModelJSON.summary(model, try? store.description(model))
            object["store"] = .string(store.layout.root)
            return .object(object)
          }))
    } else if quiet {
      for (_, model) in models { Output.standard.line(model.reference.description) }
    } else {
      let isOne = library.stores.count == 1
      var table = Table([
        .init(heading: "name"), .init(heading: "size", isNumeric: true), .init(heading: "parameters", isNumeric: true),
        .init(heading: "weights"), .init(heading: isOne ? "added" : "store"),
      ])
      for (store, model) in models {
        let description = try? store.description(model)
        table.add([
          model.reference.description, Quantity.bytes(model.byteCount), description?.parameters ?? "-",
          description?.quantization ?? description?.precision ?? "-",
          isOne ? String(ModelJSON.time(model.created).prefix(10)) : store.layout.root,
        ])
      }
      if models.isEmpty { note("no models in \(library.store.layout.root); try: impetus pull ORG/NAME") }
      if !models.isEmpty { Output.standard.line(table.text(style: Style(for: .standard))) }
    }
    if !damaged.isEmpty { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }
}

struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a model is, where it comes from and which files it has.",
    discussion: """
      A model ORG/NAME that is not in the store is looked at on the hub, as `plan` does, without pulling it.

      Examples:
        impetus show SmolLM2-135M-Instruct
        impetus show SmolLM2-135M-Instruct:q4 --json
        impetus show Qwen/Qwen2.5-0.5B-Instruct
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @OptionGroup var hub: HubOptions
  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let store = try storeOptions.library().store
    let located: LocatedModel
    do {
      located = try storeOptions.locate(model)
    } catch let problem as StoreProblem where problem.status == .notFound {
      guard try await showRemote(store) else { throw problem }
      return
    }
    try show(located, store)
  }

  /// Shows a model of the hub; false when the name cannot be one, or the network may not be used.
  private func showRemote(_ store: ModelStore) async throws -> Bool {
    guard let id = try? RepoID(model), id.owner != nil, try hub.settings().offlineBecause == nil else { return false }
    note("\(model) is not in the store; this is what the hub has")
    let (plan, estimate) = try await RemoteModel(model, revision: "main", hub: hub, store: store).look(context: nil)
    if output.json {
      Output.standard.json(.object(EstimateText.json(plan, estimate)))
    } else {
      Output.standard.line(EstimateText.text(plan, estimate, style: Style(for: .standard)))
    }
    return true
  }

  private func show(_ located: LocatedModel, _ store: ModelStore) throws {
    let facts = try? Describing.facts(folder: located.folder)
    let description =
      try located.stored.flatMap { try located.store?.description($0) } ?? facts?.description ?? ModelDescription()
    if output.json {
      show(json: located, description, facts)
      return
    }
    var rows: [(String, String)] = [("name", located.name)]
    func add(_ name: String, _ value: String?) { if let value { rows.append((name, value)) } }
    add("architecture", description.architecture)
    add("parameters", facts.flatMap { $0.parameterCount > 0 ? Quantity.count($0.parameterCount) : nil })
    add("weights", [description.precision, description.quantization].compactMap(\.self).joined(separator: ", "))
    add("context", facts?.contextLength.map { "\($0) tokens" })
    add("size", located.stored.map { Quantity.bytes($0.byteCount) })
    add("source", description.origin.source)
    add("commit", description.origin.revision)
    add("licence", description.origin.licenses.isEmpty ? nil : description.origin.licenses.joined(separator: ", "))
    add("digest", located.stored?.digest.description)
    add("folder", located.folder)
    if let store = located.store, try storeOptions.library().others.contains(where: { $0.layout == store.layout }) {
      add("store", "\(store.layout.root), which is only read")
    }
    if let provenance = description.provenance {
      add("made of", provenance.base ?? provenance.inputs.first?.path)
      add("recipe", JSONWriter.string(.object(provenance.recipe)))
      add("made by", provenance.tool)
    }
    add("runs here", facts?.unsupported.map { "no: \($0.description)" } ?? (facts == nil ? nil : "yes"))
    let width = rows.map(\.0.count).max() ?? 0
    let style = Style(for: .standard)
    for (name, value) in rows {
      Output.standard.line("\(style.bold(name))\(String(repeating: " ", count: width - name.count))  \(value.harmless)")
    }
    guard let stored = located.stored else { return }
    var table = Table([
      .init(heading: "file"), .init(heading: "size", isNumeric: true), .init(heading: "sha-256"),
    ])
    for file in stored.manifest.files { table.add([file.path, Quantity.bytes(file.byteCount), file.digest.short]) }
    Output.standard.line()
    Output.standard.line(table.text(style: style))
  }

  private func show(json located: LocatedModel, _ description: ModelDescription, _ facts: Describing.Facts?) {
    var object = located.stored.map { ModelJSON.summary($0, description) } ?? ["name": .string(located.name)]
    object["folder"] = .string(located.folder)
    if located.stored == nil {
      object["architecture"] = description.architecture.map { .string($0) } ?? .null
      object["quantization"] = description.quantization.map { .string($0) } ?? .null
      object["precision"] = description.precision.map { .string($0) } ?? .null
    }
    object["parameter_count"] = facts.map { .integer(Int64($0.parameterCount)) } ?? .null
    object["context_length"] = facts?.contextLength.map { .integer(Int64($0)) } ?? .null
    object["supported"] = facts.map { .bool($0.unsupported == nil) } ?? .null
    if let unsupported = facts?.unsupported { object["unsupported"] = .string(unsupported.description) }
    if let stored = located.stored {
      object["files"] = .array(
        stored.manifest.files.map {
          [
            "path": .string($0.path), "digest": .string($0.digest.description),
            "size_bytes": .integer(Int64($0.byteCount)),
          ]
        })
    }
    if let provenance = description.provenance {
      var made: JSONObject = ["recipe": .object(provenance.recipe), "tool": .string(provenance.tool)]
      made["base"] = provenance.base.map { .string($0) } ?? .null
      made["base_manifest"] = provenance.baseManifest.map { .string($0.description) } ?? .null
      made["inputs"] = .array(
        provenance.inputs.map { ["path": .string($0.path), "digest": .string($0.digest.description)] })
      object["provenance"] = .object(made)
    }
    Output.standard.json(.object(object))
  }
}

struct Path: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the folder with a model's files, for other programs.",
    discussion: """
      Examples:
        impetus path SmolLM2-135M-Instruct
        python -c "import mlx_lm" --model "$(impetus path org/model:q4)"
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String

  @OptionGroup var storeOptions: StoreOptions

  func run() throws {
    Output.standard.line(try storeOptions.library().locate(model).folder)
  }
}
