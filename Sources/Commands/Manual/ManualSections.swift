// SPDX-License-Identifier: Apache-2.0
// What the parser cannot know and every page says: environment variables and exit codes.

import Basics

/// Sections written by hand, as tables.
enum ManualSections {
  private struct Variable {
    let name: String
    let meaning: String
    /// Pages it belongs on; empty for all.
    var pages: Set<String> = []
  }

  private static let hubPages: Set<String> = ["impetus", "impetus-pull"]
  private static let enginePages: Set<String> = ["impetus", "impetus-run", "impetus-serve", "impetus-bench"]

  private static let variables = [
    Variable(name: "IMPETUS_HOME", meaning: "Folder of the model store; --store takes precedence."),
    Variable(
      name: "IMPETUS_PATH", meaning: "Further stores, between colons; they are searched after one's own and only read."),
    Variable(name: "XDG_DATA_HOME", meaning: "The store is its subfolder impetus when IMPETUS_HOME is not set."),
    Variable(name: "HF_TOKEN", meaning: "Token for the hub. It is sent to the endpoint only.", pages: hubPages),
    Variable(name: "HF_TOKEN_PATH", meaning: "File that holds the token.", pages: hubPages),
    Variable(name: "HF_ENDPOINT", meaning: "Address of the hub or of a mirror.", pages: hubPages),
    Variable(name: "HF_HUB_OFFLINE", meaning: "When 1, no request is made at all.", pages: hubPages),
    Variable(name: "SSL_CERT_FILE", meaning: "Certificates to trust, for private authorities.", pages: hubPages),
    Variable(name: "HTTPS_PROXY", meaning: "Proxy for requests; NO_PROXY lists exceptions.", pages: hubPages),
    Variable(
      name: "IMPETUS_ISA",
      meaning:
        "Forces a kernel set: portable, avx2, avxvnni, avx512, avx512vnni, neon, neon-dotprod or neon-i8mm, as far as the processor has it.",
      pages: enginePages),
    Variable(
      name: "IMPETUS_API_KEY", meaning: "Key that clients of the server must send.",
      pages: ["impetus", "impetus-serve"]),
    Variable(
      name: "IMPETUS_POLICY",
      meaning: "A policy file that holds beside /etc/impetus/policy.json and policy.json in the configuration folder.",
      pages: ["impetus", "impetus-pull", "impetus-run", "impetus-serve", "impetus-sync", "impetus-update"]),
    Variable(name: "NO_COLOR", meaning: "When set and not empty, no colours are used."),
  ]

  /// The variables a page lists.
  static func environment(for page: String) -> [[String]] {
    let shown = variables.filter { $0.pages.isEmpty || $0.pages.contains(page) }
    return [[".Sh ENVIRONMENT", ".Bl -tag -width indent"]] + shown.map { [".It Ev \($0.name)", $0.meaning] } + [[".El"]]
  }

  /// The exit codes, from the table the program itself uses.
  static var exitStatus: [String] {
    [".Sh EXIT STATUS", ".Bl -tag -width indent"]
      + ExitStatus.allCases.flatMap { [".It \($0.rawValue)", $0.meaning] } + [".It 128+n", "ended by signal n", ".El"]
  }
}
