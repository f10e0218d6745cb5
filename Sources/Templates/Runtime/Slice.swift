// SPDX-License-Identifier: Apache-2.0
// `value[start:stop:step]`.

/// The bounds of a slice as the template gives them.
struct Slice {
  let start: Object?
  let stop: Object?
  let step: Object?

  /// The place of an index that may count from the end.
  static func place(_ index: Int, in count: Int) -> Int? {
    let place = index < 0 ? index + count : index
    return (0..<count).contains(place) ? place : nil
  }

  /// First place, number of places and step, as Python's `slice.indices` gives them.
  func resolve(count: Int) throws(TemplateProblem) -> (first: Int, count: Int, step: Int) {
    let step = try bound(self.step) ?? 1
    guard step != 0, step != .min else { throw .failure("slice step cannot be zero") }
    let lowest = step < 0 ? -1 : 0
    let highest = step < 0 ? count - 1 : count
    func clamp(_ index: Int?, or fallback: Int) -> Int {
      guard let index else { return fallback }
      return min(max(index < 0 ? index + count : index, lowest), highest)
    }
    let first = clamp(try bound(start), or: step < 0 ? highest : lowest)
    let end = clamp(try bound(stop), or: step < 0 ? lowest : highest)
    let span = step > 0 ? end - first : first - end
    let length = span > 0 ? (span - 1) / abs(step) + 1 : 0
    return (first, length, step)
  }

  private func bound(_ value: Object?) throws(TemplateProblem) -> Int? {
    switch value {
    case nil, .some(.none): return nil
    case .some(.big(let value)): return value.isNegative ? -.max : .max
    case .some(let value):
      guard let index = value.intValue else {
        if case .undefined(let undefined) = value { throw undefined.problem }
        throw .failure("slice indices must be integers or None or have an __index__ method")
      }
      return index
    }
  }
}

extension Renderer {
  func slice(_ object: Object, _ slice: Slice) throws(TemplateProblem) -> Object {
    switch object {
    case .string(let text):
      let (first, count, step) = try slice.resolve(count: text.count)
      try visit(text)
      if step == 1 { return try string(text.slice(first..<first + count)) }
      if step == -1, count == text.count { return try string(text.reversed()) }
      var buffer = TextBuffer()
      if text.isASCII {
        for index in 0..<count { buffer.appendByte(text.bytes[first + index * step]) }
      } else {
        try charge(4 * text.count)
        let elements = text.elements()
        for index in 0..<count { buffer.append(elements[first + index * step]) }
      }
      return try string(buffer.text.marked(text.isMarkup))
    case .list(let list): return try self.list(try items(list, slice))
    case .tuple(let list): return try tuple(try items(list, slice))
    case .range(let range):
      let (first, count, step) = try slice.resolve(count: range.count)
      // The bounds of a range are machine words; in Python the one behind its last element may be more.
      let (newStep, stepOverflow) = step.multipliedReportingOverflow(by: range.step)
      let (offset, offsetOverflow) = first.multipliedReportingOverflow(by: range.step)
      let (start, startOverflow) = range.start.addingReportingOverflow(offset)
      let (length, lengthOverflow) = count.multipliedReportingOverflow(by: newStep)
      let (stop, stopOverflow) = start.addingReportingOverflow(length)
      if stepOverflow || offsetOverflow || startOverflow || lengthOverflow || stopOverflow {
        throw .failure("Python int too large to convert to C ssize_t")
      }
      return .range(RangeObject(start: start, stop: stop, step: newStep, count: count))
    case .undefined(let undefined): throw undefined.problem
    case .dict: throw .failure("unhashable type: 'slice'")
    default: throw .failure("'\(object.typeName)' object is not subscriptable")
    }
  }

  private func items(_ list: ListObject, _ slice: Slice) throws(TemplateProblem) -> [Object] {
    let (first, count, step) = try slice.resolve(count: list.items.count)
    if step == 1 { return Array(list.items[first..<first + count]) }
    return (0..<count).map { list.items[first + $0 * step] }
  }
}
