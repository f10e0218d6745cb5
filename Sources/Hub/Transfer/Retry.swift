// SPDX-License-Identifier: Apache-2.0
// How often and after what pause a failed request is tried again.

/// Back-off with jitter. Patience is counted in attempts without progress, never in time: a slow
/// line that moves is not given up, and a dead one is not waited for.
public struct RetryPolicy: Sendable, Equatable {
  /// Failures in a row, without a byte of progress between them, that end it.
  public var attempts: Int
  /// Pause after the first failure; it doubles with each further one.
  public var base: Duration
  /// The longest pause.
  public var longest: Duration
  /// The longest wait that a server may ask for before it counts as a refusal.
  public var longestWait: Duration
  /// Added to what a server asks for: clocks differ.
  public var margin: Duration

  public init(
    attempts: Int = 6, base: Duration = .milliseconds(500), longest: Duration = .seconds(20),
    longestWait: Duration = .seconds(900), margin: Duration = .seconds(1)
  ) {
    self.attempts = attempts
    self.base = base
    self.longest = longest
    self.longestWait = longestWait
    self.margin = margin
  }

  /// The pause after the `failure`-th failure in a row (from 1): between half of the doubled base
  /// and all of it, so that many clients do not return together.
  public func pause(afterFailure failure: Int, random: Double = .random(in: 0..<1)) -> Duration {
    let doubled = base * (1 << min(max(failure, 1) - 1, 16))
    return min(doubled, longest) * (0.5 + random / 2)
  }

  /// Statuses that may pass: time-out, too many requests, and the server's own troubles.
  static func isTransient(status: Int) -> Bool { status == 408 || status == 429 || (500...599).contains(status) }
}

/// What a server's answer says about when to come back.
struct WaitAdvice {
  /// Seconds from `RateLimit: "…";r=0;t=SECONDS` or from `Retry-After`; nil when it says nothing.
  static func seconds(_ head: ResponseHead, now: Int64) -> Int? {
    exhausted(head.values("ratelimit")) ?? head.value("retry-after").flatMap { retryAfter($0, head, now: now) }
  }

  /// The longest reset time of the quotas that are used up (`r=0`).
  private static func exhausted(_ values: [String]) -> Int? {
    values.flatMap { $0.split(separator: ",") }.compactMap { quota -> Int? in
      var left: Int?
      var reset: Int?
      for part in quota.split(separator: ";") {
        let part = part.trimmingBlanks
        if part.hasPrefix("r=") { left = Int(part.dropFirst(2)) }
        if part.hasPrefix("t=") { reset = Int(part.dropFirst(2)) }
      }
      return left == 0 ? reset.map { max(0, $0) } : nil
    }.max()
  }

  private static func retryAfter(_ text: String, _ head: ResponseHead, now: Int64) -> Int? {
    if let seconds = Int(text) { return max(0, seconds) }
    guard let then = HTTPDate.seconds(text) else { return nil }
    // Against the server's own clock where it tells it.
    let base = head.value("date").flatMap { HTTPDate.seconds($0) } ?? now
    return Int(clamping: max(0, then - base))
  }
}

/// The date form of HTTP headers: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Seconds since 1970; nil for any other form.
  static func seconds(_ text: String) -> Int64? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let day = Int64(words[1]), (1...31).contains(day),
      let month = months.firstIndex(of: String(words[2])), let year = Int64(words[3]), (1970...9999).contains(year)
    else { return nil }
    let clock = words[4].split(separator: ":").compactMap { Int64($0) }
    guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
    else { return nil }
    return days(year, Int64(month + 1), day) * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
  }

  /// Days from 1970-01-01 in the Gregorian calendar: the year begins in March, so that the leap
  /// day is its last.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146097 + dayOfEra - 719468
  }
}
