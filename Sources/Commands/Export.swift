// SPDX-License-Identifier: Apache-2.0
// `impetus export`: models as one file, for machines without a network.

import ArgumentParser
import Basics
import Library
import Store
import Synchronization

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write models as one archive that import takes back.",
    discussion: """
      The archive is an OCI image layout in a tar file, which other tools read too. The same models make the same bytes on
      every machine. Compression follows from the name: .tar.gz, .tar.zst, or none; weights hardly get smaller by it.

      Examples:
        impetus export SmolLM2-135M-Instruct:q4 --output smollm2.tar
        impetus export org/one org/two --output both.tar.zst
        impetus export org/model --output - | ssh host impetus import -
      """)

  @Argument(help: "Names of models.", completion: ModelCompletion.kind)
  var models: [String]

  @Option(name: .shortAndLong, help: "The file to write; - is stdout.", completion: .file())
  var output: String

  @Flag(name: .long, help: "Replace the file if there is one.")
  var force = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption

  func run() async throws {
    let store = try storeOptions.library().store
    let found = try models.map { try store.resolve($0) }
    let path = output == "-" ? nil : output
    guard path != nil || !Output.standard.isTerminal else {
      throw ValidationError("stdout is a terminal; name a file with --output")
    }
    if let path, Files.kind(path) != nil, !force { throw CommandProblem.exists(path: path) }
    let compression: ModelStore.Compression =
      output.hasSuffix(".zst") ? .zstd : output.hasSuffix(".gz") || output.hasSuffix(".tgz") ? .gzip : .none
    let bar = ProgressLine("exporting", mode: progress.progress)
    let total = store.checks(found).reduce(0) { $0 + $1.descriptor.byteCount }
    try await blocking { isCancelled in
      defer { bar.finish() }
      var done = 0
      try store.export(found, to: path, compression: compression) { count in
        if isCancelled() { throw CancellationError() }
        done += count
        bar.update(done: done, total: total)
      }
    }
    note("wrote \(found.map(\.reference.description).joined(separator: ", ")): \(Quantity.bytes(total))")
  }
}
