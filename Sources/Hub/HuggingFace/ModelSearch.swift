// SPDX-License-Identifier: Apache-2.0
// Searching the hub: GET /api/models with filters, pages by `Link`.

internal import Basics

/// What is searched for.
public struct ModelSearch: Sendable, Equatable {
  /// An order of the results, the largest or latest first.
  public enum Order: String, Sendable, CaseIterable {
    case downloads, likes
    case updated = "lastModified"
    case created = "createdAt"
    case trending = "trendingScore"
  }

  /// Words in the name.
  public var text: String?
  /// The organisation or user.
  public var author: String?
  /// Tags that all must be there: libraries, languages, licences (`license:mit`).
  public var filters: [String]
  /// The task, such as `text-generation`.
  public var task: String?
  public var order: Order
  /// Most parameters.
  public var parameterLimit: Int?

  public init(
    text: String? = nil, author: String? = nil, filters: [String] = [], task: String? = nil,
    order: Order = .downloads, parameterLimit: Int? = nil
  ) {
    self.text = text
    self.author = author
    self.filters = filters
    self.task = task
    self.order = order
    self.parameterLimit = parameterLimit
  }

  /// The query of the first page.
  func query(pageSize: Int) -> String {
    var items: [(String, String)] = []
    if let text { items.append(("search", text)) }
    if let author { items.append(("author", author)) }
    items += filters.map { ("filter", $0) }
    if let task { items.append(("pipeline_tag", task)) }
    if let parameterLimit { items.append(("num_parameters", "max:\(max(1, parameterLimit / 1_000_000))M")) }
    items += [("sort", order.rawValue), ("direction", "-1"), ("limit", "\(pageSize)")]
    items += ["safetensors", "gguf", "downloads", "likes", "lastModified", "gated", "tags", "config", "pipeline_tag"]
      .map { ("expand", $0) }
    return items.map { "\($0)=\(WebAddress.segment($1))" }.joined(separator: "&")
  }
}

/// A model that a search has found; every fact is the hub's word, and may be missing.
public struct HubModel: Sendable, Equatable {
  public let repository: RepoID
  /// Number of parameters.
  public let parameterCount: Int?
  /// Bytes of the weights in safetensors.
  public let weightByteCount: Int?
  /// `model_type` of its config.json.
  public let modelType: String?
  public let license: String?
  public let isGated: Bool
  public let downloads: Int?
  public let likes: Int?
  /// When it was changed last, in RFC 3339.
  public let updated: String?
  public let task: String?

  init?(_ row: JSONValue) {
    guard let text = (row["id"] ?? row["modelId"])?.stringValue, let id = try? RepoID(text) else { return nil }
    repository = id
    let tensors = row["safetensors"]
    let total = (tensors?["total"] ?? row["gguf"]?["total"])?.intValue
    parameterCount = total.flatMap { $0 > 0 ? $0 : nil }
    weightByteCount = tensors?["parameters"]?.objectValue.flatMap { Self.byteCount($0) }
    modelType = row["config"]?["model_type"]?.stringValue
    let tags = row["tags"]?.arrayValue?.compactMap(\.stringValue) ?? []
    license = tags.first { $0.hasPrefix("license:") }.map { String($0.dropFirst(8)) }
    isGated = row["gated"]?.boolValue ?? (row["gated"]?.stringValue != nil)
    downloads = row["downloads"]?.intValue
    likes = row["likes"]?.intValue
    updated = row["lastModified"]?.stringValue
    task = row["pipeline_tag"]?.stringValue
  }

  /// Bytes of parameters counted by their type; nil when a type is not known.
  private static func byteCount(_ counts: JSONObject) -> Int? {
    var sum = 0
    for (type, count) in counts {
      guard let bits = bits[type], let count = count.intValue, (0...1 << 50).contains(count) else { return nil }
      sum += count * bits / 8
    }
    return sum > 0 ? sum : nil
  }

  private static let bits = [
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F4": 4, "U4": 4, "I4": 4,
  ]
}

extension HubClient {
  /// Pages that are looked through for models that pass `isWanted`.
  private static let searchPageLimit = 10

  /// Finds models.
  /// - Parameters:
  ///   - limit: most results.
  ///   - isWanted: what else is asked of a result, beyond what the hub can filter by.
  public func search(
    _ search: ModelSearch, limit: Int, isWanted: (HubModel) -> Bool = { _ in true }
  ) async throws(HubProblem) -> [HubModel] {
    try await anyOf { client throws(HubProblem) in
      try await client.searchHere(search, limit: limit, isWanted: isWanted)
    }
  }

  private func searchHere(
    _ search: ModelSearch, limit: Int, isWanted: (HubModel) -> Bool
  ) async throws(HubProblem) -> [HubModel] {
    let start = "/api/models?\(search.query(pageSize: min(max(limit, 20), 100)))"
    guard var page = settings.address(start) else { throw unusable(start) }
    var found: [HubModel] = []
    for _ in 0..<Self.searchPageLimit {
      let (json, head) = try await ask(page, HubQuestion(endpoint: settings.endpoint, token: settings.token))
      guard let rows = json.arrayValue else {
        throw .notAHub(host: settings.endpoint.place, why: "a search was answered by \(json.kindName), not by a list")
      }
      found += rows.compactMap { HubModel($0) }.filter(isWanted)
      guard found.count < limit, let link = Self.nextPage(head), let next = page.resolving(link) else { break }
      page = next
    }
    return Array(found.prefix(limit))
  }
}
