// SPDX-License-Identifier: Apache-2.0
// Options that several commands share.

import ArgumentParser

/// `--json`, where a command lists or shows.
struct JSONOption: ParsableArguments {
  @Flag(name: .long, help: "Print JSON on stdout instead of text; errors become JSON on stderr.")
  var json = false
}
