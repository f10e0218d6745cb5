// SPDX-License-Identifier: Apache-2.0
// Columns for people. Programs get `--json`.

/// Rows under headings, aligned by the width of the text in a terminal.
struct Table {
  /// A heading and the side its column leans to.
  struct Column {
    let heading: String
    var isNumeric = false
  }

  let columns: [Column]
  private var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func add(_ cells: [String]) {
    precondition(cells.count == columns.count, "a row has a cell for each column")
    rows.append(cells.map(\.harmless))
  }

  /// The whole table, headings first, without a final line end.
  func text(style: Style) -> String {
    let all = [columns.map { $0.heading.uppercased() }] + rows
    let widths = columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.enumerated().map { index, row in
      let line = row.indices.map { column in
        pad(row[column], to: widths[column], right: columns[column].isNumeric, isLast: column == row.count - 1)
      }.joined(separator: "  ")
      return index == 0 ? style.bold(line) : line
    }.joined(separator: "\n")
  }

  private func pad(_ text: String, to width: Int, right: Bool, isLast: Bool) -> String {
    let blanks = String(repeating: " ", count: width - text.count)
    if right { return blanks + text }
    return isLast ? text : text + blanks
  }
}
