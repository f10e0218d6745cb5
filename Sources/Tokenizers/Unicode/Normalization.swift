// SPDX-License-Identifier: Apache-2.0
// Unicode's normal forms (UAX #15) over the reference library's own tables, which are older than the standard
// library's. Hangul is computed; everything that cannot change is copied.

/// The four normal forms.
enum Normalization: String, Sendable {
  case nfc = "NFC"
  case nfd = "NFD"
  case nfkc = "NFKC"
  case nfkd = "NFKD"

  /// The text in this form.
  func apply(_ text: [UInt8]) -> [UInt8] {
    guard let first = firstUnstable(text) else { return text }
    var output = Array(text[..<first])
    output.reserveCapacity(text.count + 16)
    var run = Composer(form: self)
    text.span.forEachScalar(from: first) { scalar, _ in
      if isStable(scalar) { run.flush(into: &output) }
      run.append(scalar)
    }
    run.flush(into: &output)
    return output
  }

  /// Where rewriting must begin: at the last stable code point before the first one that may change.
  private func firstUnstable(_ text: [UInt8]) -> Int? {
    var lastStable = 0
    var index = 0
    let bytes = text.span
    while index < bytes.count {
      if bytes[index] < 0x80 {
        lastStable = index
        index += 1
        continue
      }
      let (scalar, length) = bytes.scalar(at: index)
      guard isStable(scalar) else { return lastStable }
      lastStable = index
      index += length
    }
    return nil
  }

  /// Whether a code point stays as it is and nothing before it can change with it.
  @inline(__always)
  private func isStable(_ scalar: UInt32) -> Bool {
    if scalar < 0xA0 { return true }
    let traits = CharacterTable.traits(scalar)
    let isHangul = 0xAC00..<0xD7A4 ~= scalar
    return switch self {
    case .nfc: traits.isDisjoint(with: .composes)
    case .nfkc: traits.isDisjoint(with: [.composes, .decomposesCompatibly])
    case .nfd: traits.isDisjoint(with: [.decomposes, .composes]) && !isHangul
    case .nfkd: traits.isDisjoint(with: [.decomposesCompatibly, .composes]) && !isHangul
    }
  }
}

/// A stretch from one stable code point to the next: decomposed, ordered, composed again if the form asks for it.
private struct Composer {
  let form: Normalization
  private var scalars: [(point: UInt32, order: UInt8)] = []

  init(form: Normalization) { self.form = form }

  mutating func append(_ scalar: UInt32) {
    if 0xAC00..<0xD7A4 ~= scalar {
      let index = scalar - 0xAC00
      push(0x1100 + index / 588)
      push(0x1161 + index % 588 / 28)
      if index % 28 > 0 { push(0x11A7 + index % 28) }
    } else if let parts = decomposition(scalar) {
      for part in parts { push(part) }
    } else {
      push(scalar)
    }
  }

  private func decomposition(_ scalar: UInt32) -> [UInt32]? {
    let tables = NormalizationTables.shared
    if form == .nfkc || form == .nfkd, let found = tables.compatible[scalar] { return found }
    return tables.canonical[scalar]
  }

  private mutating func push(_ point: UInt32) {
    scalars.append((point, NormalizationTables.shared.combiningClasses[point] ?? 0))
  }

  /// Writes the stretch out and begins another.
  mutating func flush(into output: inout [UInt8]) {
    order()
    if form == .nfc || form == .nfkc { compose() }
    for scalar in scalars { output.append(scalar: scalar.point) }
    scalars.removeAll(keepingCapacity: true)
  }

  /// Brings the marks after each starter into the order of their classes; equal ones stay as they are.
  private mutating func order() {
    var start = 0
    while start < scalars.count {
      guard scalars[start].order > 0 else {
        start += 1
        continue
      }
      let end = scalars[start...].firstIndex { $0.order == 0 } ?? scalars.count
      if end - start > 1 {
        let sorted = scalars[start..<end].enumerated().sorted {
          ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
        }
        scalars.replaceSubrange(start..<end, with: sorted.map(\.element))
      }
      start = end
    }
  }

  private mutating func compose() {
    guard scalars.count > 1 else { return }
    var output: [(point: UInt32, order: UInt8)] = []
    var starter: Int?
    for scalar in scalars {
      if let place = starter {
        let isBlocked = place < output.count - 1 && output[output.count - 1].order >= scalar.order
        if !isBlocked, let composed = Self.composition(output[place].point, scalar.point) {
          output[place].point = composed
          continue
        }
      }
      output.append(scalar)
      if scalar.order == 0 { starter = output.count - 1 }
    }
    scalars = output
  }

  private static func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if 0x1100..<0x1113 ~= first, 0x1161..<0x1176 ~= second {
      return 0xAC00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28
    }
    if 0xAC00..<0xD7A4 ~= first, (first - 0xAC00) % 28 == 0, 0x11A8..<0x11C3 ~= second {
      return first + (second - 0x11A7)
    }
    return NormalizationTables.shared.compositions[UInt64(first) << 32 | UInt64(second)]
  }
}

/// The generated tables as dictionaries, read when first needed.
private struct NormalizationTables: Sendable {
  static let shared = NormalizationTables()

  private(set) var canonical: [UInt32: [UInt32]] = [:]
  private(set) var compatible: [UInt32: [UInt32]] = [:]
  private(set) var compositions: [UInt64: UInt32] = [:]
  private(set) var combiningClasses: [UInt32: UInt8] = [:]

  private init() {
    forEachEntry(NormalizationData.canonical) { canonical[$0[0]] = Array($0.dropFirst()) }
    forEachEntry(NormalizationData.compatible) { compatible[$0[0]] = Array($0.dropFirst()) }
    forEachEntry(NormalizationData.compositions) { compositions[UInt64($0[1]) << 32 | UInt64($0[2])] = $0[0] }
    forEachEntry(NormalizationData.combiningClasses) { combiningClasses[$0[0]] = UInt8(truncatingIfNeeded: $0[1]) }
  }
}
