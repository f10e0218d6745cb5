// SPDX-License-Identifier: Apache-2.0
// A stable sort by comparisons that may fail.

extension Renderer {
  /// Sorts in place, keeping the order of equals.
  func sort<Element>(
    _ items: inout [Element], by isLess: (Element, Element) throws(TemplateProblem) -> Bool
  ) throws(TemplateProblem) {
    var width = 1
    var source = items
    while width < source.count {
      var merged: [Element] = []
      merged.reserveCapacity(source.count)
      var start = 0
      while start < source.count {
        let middle = min(start + width, source.count)
        let end = min(middle + width, source.count)
        try merge(source[start..<middle], source[middle..<end], into: &merged, isLess)
        start = end
      }
      source = merged
      width *= 2
    }
    items = source
  }

  private func merge<Element>(
    _ left: ArraySlice<Element>, _ right: ArraySlice<Element>, into merged: inout [Element],
    _ isLess: (Element, Element) throws(TemplateProblem) -> Bool
  ) throws(TemplateProblem) {
    try charge(4 * (left.count + right.count))
    var (left, right) = (left, right)
    while let a = left.first, let b = right.first {
      if try isLess(b, a) {
        merged.append(b)
        right.removeFirst()
      } else {
        merged.append(a)
        left.removeFirst()
      }
    }
    merged += left
    merged += right
  }
}
