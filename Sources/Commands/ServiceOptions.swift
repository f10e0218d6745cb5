// SPDX-License-Identifier: Apache-2.0
// Options of the commands that serve: keys and logging.

import ArgumentParser
import Basics
import Logging

/// Who may ask, and what is logged.
struct ServiceOptions: ParsableArguments {
  @Option(
    name: .long, help: ArgumentHelp("File with keys of which a request must have one, one a line.", valueName: "file"),
    completion: .file())
  var apiKeyFile: String?

  @Option(name: .long, help: "What is logged on stderr: trace, debug, info, notice, warning, error or critical.")
  var logLevel = "notice"

  func validate() throws {
    guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError("\"\(logLevel)\" is no log level") }
  }

  /// Sends the logs of the whole program to stderr. To be called once.
  func makeLogger() -> Logger {
    let level = Logger.Level(rawValue: logLevel) ?? .notice
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = level
      return handler
    }
    return Logger(label: "impetus")
  }

  /// Keys of `IMPETUS_API_KEY`, and of the file.
  func apiKeys() throws -> [String] {
    var keys = Environment.value("IMPETUS_API_KEY").map { $0.isEmpty ? [] : [$0] } ?? []
    if let file = apiKeyFile {
      let text = String(decoding: try Files.read(file, limit: 1 << 20), as: UTF8.self)
      let found = text.split(whereSeparator: \.isNewline).map { String($0.drop { $0 == " " }) }.filter { !$0.isEmpty }
      guard !found.isEmpty else {
        throw CommandProblem.configuration(path: file, why: "there is no key in it")
      }
      keys += found
    }
    return keys
  }
}
