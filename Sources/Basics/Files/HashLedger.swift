// SPDX-License-Identifier: Apache-2.0
// SHA-256 in stretches of 8 MiB (docs/store-format.md). A content's SHA-256 is a chain: the eight words after one stretch
// are the beginning of the next. Whoever keeps them can check any stretch by itself, on any core, and loses nothing: when
// every stretch leads from its words to the next ones, and the last one to the digest, the whole has that digest,
// whoever wrote the ledger. Hashes of single blocks would need trust, and a second hashing of every byte.

/// The state of a SHA-256 between two steps of 64 bytes.
public struct ChainingValue: Sendable, Hashable {
  let words: [UInt32]

  init(words: [UInt32]) { self.words = words }

  /// Accepts exactly 64 lower-case hex digits: eight words, most significant digit first.
  public init?(hex: String) {
    guard Hex.isLowercase(hex, count: 64), let bytes = Hex.bytes(hex) else { return nil }
    words = (0..<8).map { word in bytes[word * 4..<word * 4 + 4].reduce(0) { $0 << 8 | UInt32($1) } }
  }

  /// 64 lower-case hex digits.
  public var hex: String {
    Hex.text(words.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } })
  }
}

/// The chaining values of a content's SHA-256 after each stretch but the last.
public struct HashLedger: Sendable, Equatable {
  /// Size of every stretch but the last.
  public static let stretchByteCount = 8 << 20

  /// Size of the content.
  public let byteCount: Int
  let values: [ChainingValue]

  /// The ledger of a content of one stretch: it needs none.
  public init?(ofShort byteCount: Int) {
    guard byteCount <= Self.stretchByteCount else { return nil }
    self.init(byteCount: byteCount, values: [])
  }

  init(byteCount: Int, values: [ChainingValue]) {
    self.byteCount = byteCount
    self.values = values
  }

  /// Number of stretches; 1 for a short or empty content.
  public var count: Int { values.count + 1 }

  /// The bytes of a stretch.
  public func bytes(of stretch: Int) -> Range<Int> {
    let start = stretch * Self.stretchByteCount
    return start..<min(start + Self.stretchByteCount, byteCount)
  }

  /// A hash that stands at the beginning of a stretch.
  public func hash(at stretch: Int) -> SHA256 {
    stretch == 0 ? SHA256() : SHA256(from: values[stretch - 1], byteCount: stretch * Self.stretchByteCount)
  }

  /// Whether a hash that has taken in a stretch stands where it should.
  public func agrees(_ hash: SHA256, after stretch: Int, of digest: Digest) -> Bool {
    stretch < values.count ? hash.chainingValue == values[stretch] : hash.digest == digest
  }
}

extension HashLedger {
  private static func header(_ byteCount: Int) -> String { "impetus-ledger 1 \(byteCount) \(stretchByteCount)" }

  /// A line with version and sizes, then a chaining value a line.
  public var text: String {
    ([Self.header(byteCount)] + values.map(\.hex)).map { $0 + "\n" }.joined()
  }

  /// Reads `text`; nil unless it is whole and of a content of this size.
  public init?(text: String, byteCount: Int) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let count = max(0, byteCount - 1) / Self.stretchByteCount
    guard lines.count == count + 2, lines[0] == Self.header(byteCount), lines[count + 1].isEmpty else { return nil }
    var values: [ChainingValue] = []
    for line in lines[1..<count + 1] {
      guard let value = ChainingValue(hex: String(line)) else { return nil }
      values.append(value)
    }
    self.byteCount = byteCount
    self.values = values
  }
}

/// A running SHA-256 that keeps its ledger.
public struct LedgerHash: ~Copyable {
  private var hash = SHA256()
  private var values: [ChainingValue] = []
  private var byteCount = 0

  public init() {}

  /// Takes in more bytes.
  public mutating func update(_ bytes: Span<UInt8>) {
    var done = 0
    while done < bytes.count {
      // The value at a stretch's end is kept when a byte follows: the last one is the digest.
      if byteCount > 0, byteCount % HashLedger.stretchByteCount == 0, let value = hash.chainingValue {
        values.append(value)
      }
      let room = HashLedger.stretchByteCount - byteCount % HashLedger.stretchByteCount
      let count = min(room, bytes.count - done)
      hash.update(bytes.extracting(done..<done + count))
      byteCount += count
      done += count
    }
  }

  /// The digest of everything so far, and its ledger.
  public func finish() -> (digest: Digest, ledger: HashLedger) {
    (hash.digest, HashLedger(byteCount: byteCount, values: values))
  }
}
