// SPDX-License-Identifier: Apache-2.0
// Progress on stderr: one line redrawn for a person, a line now and then for a log, JSON lines for programs.

import ArgumentParser
import Basics
import Glibc
import Synchronization

/// How progress is shown.
enum ProgressMode: String, ExpressibleByArgument, CaseIterable, Sendable {
  case auto, none, plain, ansi, json
}

/// Shows how far a task is. Safe to call from any thread, as often as one likes: it draws at most
/// ten times a second on a terminal and every ten seconds elsewhere.
final class ProgressLine: Sendable {
  /// What is counted.
  enum Unit: String, Sendable {
    case bytes, tokens

    fileprivate func shown(_ count: Int) -> String { self == .bytes ? Quantity.bytes(count) : Quantity.count(count) }
  }

  private struct State {
    var lastDrawn: ContinuousClock.Instant?
    var lastWidth = 0
    var started = ContinuousClock.now
    var startValue: Int?
  }

  private let mode: ProgressMode
  private let title: String
  private let unit: Unit
  private let state = Mutex(State())

  init(_ title: String, mode: ProgressMode, unit: Unit = .bytes) {
    self.title = title
    self.unit = unit
    self.mode = mode == .auto ? Self.automatic : mode
  }

  /// A line for a person, notes for a log, nothing where the hub's own programs are asked to show none.
  private static var automatic: ProgressMode {
    let off = Environment.value("HF_HUB_DISABLE_PROGRESS_BARS")?.uppercased() ?? ""
    if ["1", "ON", "YES", "TRUE"].contains(off) { return .none }
    return Output.error.isTerminal ? .ansi : .plain
  }

  /// Reports `done` of `total`; `note` names what is under way.
  func update(done: Int, total: Int, note: String = "", force: Bool = false) {
    guard mode != .none else { return }
    let now = ContinuousClock.now
    let interval: Duration = mode == .plain ? .seconds(10) : .milliseconds(100)
    let draw = state.withLock { state -> Double? in
      if state.startValue == nil {
        state.startValue = done
        state.started = now
        if mode == .plain { state.lastDrawn = now }
      }
      if !force, let last = state.lastDrawn, now - last < interval { return nil }
      state.lastDrawn = now
      let seconds =
        Double((now - state.started).components.seconds)
        + Double((now - state.started).components.attoseconds) * 1e-18
      return seconds > 0.2 ? Double(done - (state.startValue ?? 0)) / seconds : 0
    }
    guard let rate = draw else { return }
    show(done: done, total: total, rate: rate, note: note)
  }

  private func show(done: Int, total: Int, rate: Double, note: String) {
    if mode == .json {
      Output.error.line(
        JSONWriter.string([
          "event": "progress", "task": .string(title), "note": .string(note),
          "done_\(unit.rawValue)": .integer(Int64(done)), "total_\(unit.rawValue)": .integer(Int64(total)),
          "\(unit.rawValue)_per_second": .integer(Int64(rate)),
        ]))
      return
    }
    var text = "\(title)  \(unit.shown(done))"
    if total > 0 { text += " of \(unit.shown(total)) (\(min(100, done * 100 / max(1, total)))%)" }
    if rate > 0 {
      text += "  \(unit.shown(Int(rate)))/s"
      if total > done { text += "  \(Quantity.duration(.seconds(Double(total - done) / rate))) left" }
    }
    if !note.isEmpty { text += "  \(note)" }
    if mode == .plain {
      Output.error.line(text)
    } else {
      let shown = String(text.prefix(max(20, Self.terminalColumns - 1)))
      Output.error.write("\r\u{1B}[K\(shown)")
    }
  }

  /// Takes the line away, so that what follows starts clean.
  func finish() {
    if mode == .ansi { Output.error.write("\r\u{1B}[K") }
  }

  private static var terminalColumns: Int {
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}
