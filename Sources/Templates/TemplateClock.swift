// SPDX-License-Identifier: Apache-2.0
// The time a template sees, handed in by the caller so that a rendering can be repeated.

/// A moment on the wall clock, as Python's `datetime.now()` without a time zone.
public struct TemplateClock: Sendable, Equatable {
  public let year: Int
  /// 1 to 12.
  public let month: Int
  /// 1 to 31.
  public let day: Int
  public let hour: Int
  public let minute: Int
  public let second: Int
  public let microsecond: Int

  /// A moment by its calendar fields; fields beyond their range are brought into it.
  public init(
    year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, microsecond: Int = 0
  ) {
    self.year = min(max(year, 1), 9999)
    self.month = min(max(month, 1), 12)
    self.day = min(max(day, 1), 31)
    self.hour = min(max(hour, 0), 23)
    self.minute = min(max(minute, 0), 59)
    self.second = min(max(second, 0), 59)
    self.microsecond = min(max(microsecond, 0), 999_999)
  }

  /// A moment by seconds since 1970 in UTC and the offset of local time.
  public init(secondsSince1970 seconds: Int, offsetFromUTC offset: Int = 0) {
    let local = min(max(seconds, -62_135_596_800), 253_402_300_799) + min(max(offset, -86_400), 86_400)
    let days = (local >= 0 ? local : local - 86_399) / 86_400
    let time = local - days * 86_400
    let (year, month, day) = TemplateClock.civil(days: days)
    self.init(
      year: year, month: month, day: day, hour: time / 3600, minute: time / 60 % 60, second: time % 60)
  }

  /// Reads `2024-07-26T14:05:09`, with a space for the `T` and without the time as well; nil for anything else.
  public init?(_ text: String) {
    let fields = text.split(whereSeparator: { "-T: ".contains($0) }).map { Int($0) }
    let numbers = fields.compactMap { $0 }
    guard numbers.count == fields.count, [3, 5, 6].contains(numbers.count), (1...9999).contains(numbers[0]),
      (1...12).contains(numbers[1]), (1...31).contains(numbers[2])
    else { return nil }
    let time = Array(numbers.dropFirst(3)) + [0, 0, 0]
    guard (0...23).contains(time[0]), (0...59).contains(time[1]), (0...59).contains(time[2]) else { return nil }
    self.init(
      year: numbers[0], month: numbers[1], day: numbers[2], hour: time[0], minute: time[1], second: time[2])
  }

  // MARK: Calendar

  /// Year, month and day of a number of days since 1970 (Howard Hinnant's algorithm).
  private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  /// Days since 1970.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = shiftedYear / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private var daysSince1970: Int { TemplateClock.days(year: year, month: month, day: day) }

  /// Days since Sunday.
  var weekday: Int { ((daysSince1970 + 4) % 7 + 7) % 7 }

  /// Day of the year, from 1.
  var dayOfYear: Int { daysSince1970 - TemplateClock.days(year: year, month: 1, day: 1) + 1 }

  /// Week of the year when weeks start on a weekday (0 is Sunday); days before the first are in week 0.
  func week(startingOn first: Int) -> Int { (dayOfYear + 6 - (weekday + 7 - first) % 7) / 7 }

  /// Year and week of ISO 8601.
  var isoWeek: (year: Int, week: Int) {
    let fromMonday = (weekday + 6) % 7
    let thursday = daysSince1970 - fromMonday + 3
    let (year, _, _) = TemplateClock.civil(days: thursday)
    return (year, (thursday - TemplateClock.days(year: year, month: 1, day: 1)) / 7 + 1)
  }

  /// Seconds since 1970, the clock taken as UTC.
  var secondsSince1970: Int { daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second }
}
