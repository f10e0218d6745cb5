// SPDX-License-Identifier: Apache-2.0
// The user's own settings: `config.json` in the configuration folder, overridden by the environment.

import Basics

/// What a user may set once for all commands.
struct Configuration {
  /// The model when a command is given none.
  var defaultModel: String?

  /// `$XDG_CONFIG_HOME/impetus/config.json`, else `~/.config/impetus/config.json`; nil without a home.
  static func path(_ environment: [String: String]) -> String? {
    if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") { return "\(folder)/impetus/config.json" }
    return environment["HOME"].map { "\($0)/.config/impetus/config.json" }
  }

  /// Reads `default_model`; `IMPETUS_MODEL` overrides it.
  /// - Throws: `CommandProblem.configuration` when the file is not what it should be.
  static func load(_ environment: [String: String] = Environment.all) throws -> Configuration {
    var configuration = Configuration()
    if let path = path(environment), Files.isFile(path) {
      do {
        let json = try JSONReader.parse(try Files.read(path, limit: 1 << 20))
        guard let object = json.objectValue else {
          throw CommandProblem.configuration(path: path, why: "it is no JSON object")
        }
        for (key, _) in object where key != "default_model" {
          throw CommandProblem.configuration(path: path, why: "the setting \"\(key.prefix(64))\" is not known")
        }
        if let value = object["default_model"] {
          guard let name = value.stringValue else {
            throw CommandProblem.configuration(path: path, why: "default_model is not a text")
          }
          configuration.defaultModel = name
        }
      } catch let problem as JSONProblem {
        throw CommandProblem.configuration(path: path, why: problem.description)
      }
    }
    if let name = environment["IMPETUS_MODEL"], !name.isEmpty { configuration.defaultModel = name }
    return configuration
  }
}
