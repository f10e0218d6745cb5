// SPDX-License-Identifier: Apache-2.0
// `impetus search`: models of the hub, by name, author, task, tags and size.

import ArgumentParser
import Basics
import Hub
import Library

struct Search: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find models on the hub.",
    discussion: """
      Sizes are the hub's own figures; "4 bits" is what the weights take once they are quantized.

      Examples:
        impetus search smollm2 --author HuggingFaceTB
        impetus search --task text-generation --filter license:apache-2.0 --sort trending --fits
        impetus search qwen --json --limit 50
      """)

  @Argument(help: "Words of the name.")
  var text: String?

  @Option(name: .long, help: "Only models of this organisation or user.")
  var author: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only models with this tag (library, language, license:ID); may be given several times.", valueName: "tag"))
  var filter: [String] = []

  @Option(name: .long, help: "Only models for this task, such as text-generation.")
  var task: String?

  @Option(name: .long, help: "Order: downloads, likes, updated, created or trending.", transform: SearchOrder.parse)
  var sort = ModelSearch.Order.downloads

  @Option(
    name: .long,
    help: ArgumentHelp("Only models of at most so many parameters, such as 8G or 500M.", valueName: "count"),
    transform: ByteCountArgument.parse)
  var maxParameters: Int?

  @Flag(
    name: .long, help: "Only models that this program can run and whose weights fit into the memory that is available.")
  var fits = false

  @Option(name: .long, help: "Most results.")
  var limit = 20

  @OptionGroup var hub: HubOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (1...500).contains(limit) else { throw ValidationError("--limit takes 1 to 500") }
  }

  func run() async throws {
    let settings = try hub.settings()
    let (limit, fits, available) = (limit, fits, Memory.available)
    // Four bits and half a bit for scales, which is the least that is recommended.
    let largest = fits ? Fitting.parameterLimit(available: available) : nil
    let search = ModelSearch(
      text: text, author: author, filters: filter, task: task, order: sort,
      parameterLimit: [maxParameters, largest].compactMap(\.self).min())
    let found = try await interruptible {
      try await HubClient(settings).search(search, limit: limit) { model in
        !fits || Fitting.fits(model, available: available)
      }
    }
    if output.json {
      Output.standard.json(.array(found.map { .object(Self.json($0)) }))
    } else if found.isEmpty {
      note("nothing found")
    } else {
      Output.standard.line(Self.table(found).text(style: Style(for: .standard)))
    }
  }

  private static func table(_ models: [HubModel]) -> Table {
    var table = Table([
      .init(heading: "name"), .init(heading: "parameters", isNumeric: true), .init(heading: "size", isNumeric: true),
      .init(heading: "4 bits", isNumeric: true), .init(heading: "runs here"), .init(heading: "licence"),
      .init(heading: "downloads", isNumeric: true), .init(heading: "updated"),
    ])
    for model in models {
      let runs = Fitting.isSupported(model).map { $0 ? "yes" : "no" } ?? "-"
      table.add([
        model.repository.description, model.parameterCount.map { Quantity.count($0) } ?? "-",
        model.weightByteCount.map { Quantity.bytes($0) } ?? "-",
        model.parameterCount.map { Quantity.bytes(Fitting.byteCount(parameters: $0)) } ?? "-", runs,
        (model.license ?? "-").harmless + (model.isGated ? " (gated)" : ""),
        model.downloads.map { Quantity.count($0) } ?? "-", String((model.updated ?? "-").harmless.prefix(10)),
      ])
    }
    return table
  }

  private static func json(_ model: HubModel) -> JSONObject {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    func number(_ value: Int?) -> JSONValue { value.map { JSONValue($0) } ?? .null }
    var object: JSONObject = ["name": .string(model.repository.description)]
    object["parameter_count"] = number(model.parameterCount)
    object["size_bytes"] = number(model.weightByteCount)
    object["four_bit_bytes"] = number(model.parameterCount.map { Fitting.byteCount(parameters: $0) })
    object["architecture"] = text(model.modelType)
    object["supported"] = Fitting.isSupported(model).map { .bool($0) } ?? .null
    object["license"] = text(model.license)
    object["gated"] = .bool(model.isGated)
    object["downloads"] = number(model.downloads)
    object["likes"] = number(model.likes)
    object["updated"] = text(model.updated)
    object["task"] = text(model.task)
    return object
  }
}

/// The words of `--sort`.
enum SearchOrder {
  static func parse(_ text: String) throws -> ModelSearch.Order {
    let words: [(String, ModelSearch.Order)] = [
      ("downloads", .downloads), ("likes", .likes), ("updated", .updated), ("created", .created),
      ("trending", .trending),
    ]
    guard let order = words.first(where: { $0.0 == text }) else {
      throw ValidationError("--sort takes \(words.map(\.0).joined(separator: ", "))")
    }
    return order.1
  }
}
