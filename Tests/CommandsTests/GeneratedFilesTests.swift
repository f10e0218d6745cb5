// SPDX-License-Identifier: Apache-2.0
// Manual pages and completions in the repository are those the commands make now.

import Basics
import Commands
import Support
import Testing

@Suite struct GeneratedFilesTests {
  @Test("manual pages are current (make man)") func manual() throws {
    try compare(try GeneratedFiles.manual(), "man")
  }

  @Test("completions are current (make completions)") func completions() throws {
    try compare(GeneratedFiles.completions(), "completions")
  }

  private func compare(_ files: [GeneratedFiles.File], _ folder: String) throws {
    let path = "\(Fixtures.root)/\(folder)"
    #expect(try Files.list(path) == files.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    for file in files {
      let stored = String(decoding: try Files.read("\(path)/\(file.name)"), as: UTF8.self)
      #expect(stored == file.text, "\(folder)/\(file.name) differs from the commands")
    }
  }
}
