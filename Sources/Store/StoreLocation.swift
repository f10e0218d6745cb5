// SPDX-License-Identifier: Apache-2.0
// Which folder is the store: an option, IMPETUS_HOME, or the XDG data folder.

internal import Basics

/// Finds the store's folder.
public enum StoreLocation {
  /// The folder by option, else `IMPETUS_HOME`, else `$XDG_DATA_HOME/impetus`, else `~/.local/share/impetus`.
  /// - Throws: `StoreProblem.noHome` when none of them is set.
  public static func resolve(option: String?, environment: [String: String]) throws(StoreProblem) -> String {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let option, !option.isEmpty { return absolute(option, environment) }
    if let home = value("IMPETUS_HOME") { return absolute(home, environment) }
    // The specification has relative paths there ignored.
    if let data = value("XDG_DATA_HOME"), data.hasPrefix("/") { return "\(trimmed(data))/impetus" }
    guard let home = value("HOME"), home.hasPrefix("/") else { throw .noHome }
    return "\(trimmed(home))/.local/share/impetus"
  }

  /// Further stores, which are only read: the folders of `IMPETUS_PATH`, between colons, in their order.
  /// - Parameter own: the folder that is written to; it is left out.
  public static func searchPath(own: String, environment: [String: String]) -> [String] {
    var seen: Set<String> = [own]
    return (environment["IMPETUS_PATH"] ?? "").split(separator: ":").map { absolute(String($0), environment) }
      .filter { seen.insert($0).inserted }
  }

  /// A path made absolute; `~/` is the home folder also where no shell has expanded it.
  private static func absolute(_ path: String, _ environment: [String: String]) -> String {
    if path.hasPrefix("~/"), let home = environment["HOME"] { return trimmed("\(home)/\(path.dropFirst(2))") }
    return trimmed(path.hasPrefix("/") ? path : "\(Files.currentFolder)/\(path)")
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}
