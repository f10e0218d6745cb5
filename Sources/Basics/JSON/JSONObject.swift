// SPDX-License-Identifier: Apache-2.0
// A JSON object: keys in the order they were written, and a hash index once there are many.

/// Keys and values in order. Setting an existing key keeps its place.
public struct JSONObject: Sendable {
  private var entries: [(key: String, value: JSONValue)] = []
  /// Positions by key, kept only above `scanLimit` entries: most objects are small.
  private var index: [ExactKey: Int]?
  private static let scanLimit = 12

  public init() {}

  /// Pairs in order; of equal keys the last one counts.
  public init(_ pairs: [(String, JSONValue)]) {
    for (key, value) in pairs { self[key] = value }
  }

  public var count: Int { entries.count }
  public var isEmpty: Bool { entries.isEmpty }
  public var keys: [String] { entries.map(\.key) }

  private func position(of key: String) -> Int? {
    if let index { return index[ExactKey(key)] }
    return entries.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
  }

  /// The value of a key; setting nil removes it.
  public subscript(key: String) -> JSONValue? {
    get { position(of: key).map { entries[$0].value } }
    set {
      switch (position(of: key), newValue) {
      case (let place?, let value?): entries[place].value = value
      case (nil, let value?): _ = append(key, value)
      case (let place?, nil):
        entries.remove(at: place)
        index = nil
        buildIndexIfLarge()
      case (nil, nil): break
      }
    }
  }

  /// Adds a key at the end; false, and nothing done, when the key is there already.
  package mutating func append(_ key: String, _ value: JSONValue) -> Bool {
    if index != nil {
      let place = entries.count
      guard index!.updateIfAbsent(place, for: ExactKey(key)) else { return false }
      entries.append((key, value))
    } else {
      guard position(of: key) == nil else { return false }
      entries.append((key, value))
      buildIndexIfLarge()
    }
    return true
  }

  private mutating func buildIndexIfLarge() {
    guard entries.count > Self.scanLimit else { return }
    var built = Dictionary<ExactKey, Int>(minimumCapacity: entries.count * 2)
    for (place, entry) in entries.enumerated() { built[ExactKey(entry.key)] = place }
    index = built
  }

  /// The same object with keys sorted by their UTF-8 bytes.
  public var sortedByKey: JSONObject {
    JSONObject(entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0.key, $0.value) })
  }
}

/// A key compared by its bytes: Swift's strings are equal when Unicode deems them equivalent, JSON's are not.
private struct ExactKey: Hashable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (left: ExactKey, right: ExactKey) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

  func hash(into hasher: inout Hasher) {
    var copy = text
    copy.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension Dictionary {
  /// Inserts and returns true, unless the key is there already.
  fileprivate mutating func updateIfAbsent(_ value: Value, for key: Key) -> Bool {
    var inserted = false
    _ =
      self[
        key,
        default: {
          inserted = true
          return value
        }()]
    if inserted { self[key] = value }
    return inserted
  }
}

extension JSONObject: Sequence {
  public struct Iterator: IteratorProtocol {
    fileprivate var base: [(key: String, value: JSONValue)].Iterator
    public mutating func next() -> (key: String, value: JSONValue)? { base.next() }
  }
  public func makeIterator() -> Iterator { Iterator(base: entries.makeIterator()) }
  public var underestimatedCount: Int { entries.count }
}

extension JSONObject: Equatable {
  /// Equal when they hold the same keys with equal values, in any order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
