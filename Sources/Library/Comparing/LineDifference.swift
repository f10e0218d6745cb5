// SPDX-License-Identifier: Apache-2.0
// Two texts compared line by line, by their longest common subsequence.

/// What becomes of a line.
public enum LineChange: Sendable, Equatable {
  case same(String)
  case removed(String)
  case added(String)

  /// The line with the mark that diff(1) gives it.
  public var text: String {
    switch self {
    case .same(let line): "  \(line)"
    case .removed(let line): "- \(line)"
    case .added(let line): "+ \(line)"
    }
  }
}

/// Compares texts.
public enum LineDifference {
  /// Above so many pairs of lines everything between the common ends counts as changed.
  static let pairLimit = 4_000_000

  /// Every line of both texts in order, each with what becomes of it.
  public static func between(_ left: String, _ right: String) -> [LineChange] {
    let one = left.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let other = right.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let head = zip(one, other).prefix { $0 == $1 }.count
    let tail = zip(one.dropFirst(head).reversed(), other.dropFirst(head).reversed()).prefix { $0 == $1 }.count
    let (middle, otherMiddle) = (Array(one[head..<(one.count - tail)]), Array(other[head..<(other.count - tail)]))
    return one[..<head].map { .same($0) } + changed(middle, otherMiddle) + one.suffix(tail).map { .same($0) }
  }

  private static func changed(_ one: [String], _ other: [String]) -> [LineChange] {
    let (rows, columns) = (one.count, other.count)
    guard rows * columns <= pairLimit else { return one.map { .removed($0) } + other.map { .added($0) } }
    // length[i][j]: longest common subsequence of what follows line i and line j.
    var length = [Int32](repeating: 0, count: (rows + 1) * (columns + 1))
    for row in stride(from: rows - 1, through: 0, by: -1) {
      for column in stride(from: columns - 1, through: 0, by: -1) {
        length[row * (columns + 1) + column] =
          one[row] == other[column]
          ? length[(row + 1) * (columns + 1) + column + 1] + 1
          : max(length[(row + 1) * (columns + 1) + column], length[row * (columns + 1) + column + 1])
      }
    }
    var (row, column) = (0, 0)
    var changes: [LineChange] = []
    while row < rows || column < columns {
      if row < rows, column < columns, one[row] == other[column] {
        changes.append(.same(one[row]))
        row += 1
        column += 1
      } else if column == columns
        || row < rows && length[(row + 1) * (columns + 1) + column] >= length[row * (columns + 1) + column + 1]
      {
        changes.append(.removed(one[row]))
        row += 1
      } else {
        changes.append(.added(other[column]))
        column += 1
      }
    }
    return changes
  }

  /// The changed lines with those around them; nil stands for lines left out.
  public static func excerpt(_ changes: [LineChange], around: Int = 2) -> [LineChange?] {
    func isSame(_ change: LineChange) -> Bool { if case .same = change { true } else { false } }
    var shown = [Bool](repeating: false, count: changes.count)
    for (index, change) in changes.enumerated() where !isSame(change) {
      for near in max(0, index - around)..<min(changes.count, index + around + 1) { shown[near] = true }
    }
    var output: [LineChange?] = []
    for (index, change) in changes.enumerated() {
      if shown[index] { output.append(change) } else if let last = output.last, last != nil { output.append(nil) }
    }
    if let last = output.last, last == nil { output.removeLast() }
    return output
  }
}
