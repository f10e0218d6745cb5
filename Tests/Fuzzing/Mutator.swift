// SPDX-License-Identifier: Apache-2.0
// Valid files made wrong: a few small changes each, drawn from what parsers stumble over.

/// Makes inputs of seeds.
public struct Mutator: Sendable {
  /// Pieces of the format, put in anywhere.
  public var dictionary: [[UInt8]]
  /// Largest input.
  public var limit: Int
  /// Whether the format is text: digits are found and replaced, brackets piled up.
  public var isText: Bool

  public init(dictionary: [String] = [], limit: Int = 1 << 16, isText: Bool) {
    self.dictionary = dictionary.map { Array($0.utf8) }
    self.limit = limit
    self.isText = isText
  }

  private static let bytes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x22, 0x5B, 0x5D, 0x7B, 0x7D, 0xC0, 0xE2, 0xF4]
  private static let words: [UInt64] = [
    0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40, 1 << 62,
    0x7FFF_FFFF_FFFF_FFFF, 1 << 63, .max,
  ]
  private static let numbers = [
    "0", "-1", "1", "2", "7", "255", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "-2147483648",
    "9223372036854775807", "9223372036854775808", "18446744073709551615", "1e308", "1e999", "-0.0", "0.5", "1e-400",
    "NaN",
    "100000000000000000000000", "1.", "null", "true", "\"\"", "[]", "{}",
  ]

  /// An input made of one seed, and sometimes of another.
  public func mutate(_ seed: [UInt8], _ other: [UInt8], _ random: inout Randomness) -> [UInt8] {
    var input = seed
    // Mostly one change: what is broken in many places is refused at the first.
    for _ in 0...(random.below(3) == 0 ? random.below(6) : 0) {
      change(&input, other, &random)
      if input.count > limit { input.removeSubrange(limit...) }
    }
    return input
  }

  private func change(_ input: inout [UInt8], _ other: [UInt8], _ random: inout Randomness) {
    guard !input.isEmpty else {
      input = other
      return
    }
    let place = random.below(input.count)
    switch random.below(isText ? 14 : 11) {
    case 0: input[place] ^= 1 << UInt8(random.below(8))
    case 1: input[place] = random.pick(Self.bytes)
    case 2: input[place] = random.byte()
    case 3: input.removeSubrange(place..<min(input.count, place + 1 + random.below(random.below(3) == 0 ? 256 : 8)))
    case 4: input.removeSubrange(place...)
    case 5:
      let piece = input[place..<min(input.count, place + 1 + random.below(64))]
      input.insert(contentsOf: piece, at: random.below(input.count + 1))
    case 6:
      guard !other.isEmpty else { return }
      let from = random.below(other.count)
      let piece = other[from..<min(other.count, from + 1 + random.below(512))]
      input.insert(contentsOf: piece, at: place)
    case 7, 8:
      if let piece = dictionary.isEmpty ? nil : random.pick(dictionary) { input.insert(contentsOf: piece, at: place) }
    case 9: overwrite(&input, at: place, &random)
    case 10: swap(&input, &random)
    case 11, 12: replaceNumber(&input, from: place, &random)
    default: pile(&input, at: place, &random)
    }
  }

  /// A number of 2, 4 or 8 bytes, as lengths and offsets are.
  private func overwrite(_ input: inout [UInt8], at place: Int, _ random: inout Randomness) {
    let (word, size) = (random.pick(Self.words), random.pick([2, 4, 8]))
    // Small changes of what is there are as good as extremes.
    let step = UInt8(truncatingIfNeeded: 1 + random.below(4))
    if random.below(3) == 0 {
      input[place] &+= step
      return
    }
    for index in 0..<min(size, input.count - place) {
      input[place + index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * index))
    }
  }

  private func swap(_ input: inout [UInt8], _ random: inout Randomness) {
    let (a, b) = (random.below(input.count), random.below(input.count))
    let size = min(1 + random.below(16), input.count - max(a, b))
    for index in 0..<size { input.swapAt(a + index, b + index) }
  }

  /// The next run of digits becomes another number, or another value altogether.
  private func replaceNumber(_ input: inout [UInt8], from place: Int, _ random: inout Randomness) {
    func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    guard let start = input[place...].firstIndex(where: isDigit) else { return }
    let end = input[start...].firstIndex { !isDigit($0) } ?? input.count
    input.replaceSubrange(start..<end, with: Array(random.pick(Self.numbers).utf8))
  }

  /// Many of the same: deep nesting, long names.
  private func pile(_ input: inout [UInt8], at place: Int, _ random: inout Randomness) {
    let pieces = [
      "[", "{\"a\":", "(", "((", "-", "not ", "a", "{{", "{% if 1 %}", "[[", "\"", "\u{301}", "(?:", "x*", "|",
    ]
    let piece = Array(random.pick(pieces).utf8)
    let count = 1 << random.below(13)
    var pile: [UInt8] = []
    for _ in 0..<count { pile += piece }
    input.insert(contentsOf: pile, at: place)
  }
}
